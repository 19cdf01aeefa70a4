//! Characters of a text to tokens.

use std::iter::Peekable;
use std::str::CharIndices;

/// A token and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// Column of its first character, from 1, in characters.
    pub(super) column: usize,
    pub(super) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Number(f64),
    /// Digits and a letter, such as `1h`.
    Duration(String),
    Name(String),
    Param(String),
    Quoted(String),
    Sign(&'static str),
}

/// Why a text has no tokens.
pub(super) struct LexError {
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

/// Longer signs first.
const SIGNS: [&str; 16] =
    ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",", ":", ".", "="];

/// Signs of other languages, and what they are here.
const FOREIGN: [(char, &str); 5] = [
    ('&', "write \"and\""),
    ('|', "write \"or\""),
    ('!', "write \"not\""),
    ('\u{d7}', "write \"*\""),
    ('%', "write percents as numbers: 2 means 2 %"),
];

/// The tokens of `text`, in order.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { text, chars: text.char_indices().peekable(), column: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    column: usize,
}

impl<'t> Lexer<'t> {
    fn token(&mut self) -> Result<Option<Token>, LexError> {
        self.take_while(char::is_whitespace);
        let column = self.column;
        let Some(&(start, first)) = self.chars.peek() else { return Ok(None) };
        let kind = match first {
            '0'..='9' => self.number(start)?,
            'a'..='z' | 'A'..='Z' | '_' => TokenKind::Name(self.word().to_owned()),
            '$' => {
                self.bump();
                let name = self.word();
                if name.is_empty() {
                    return Err(error(column, "\"$\" is followed by the name of a parameter"));
                }
                TokenKind::Param(name.to_owned())
            }
            '"' | '\'' => self.quoted(first)?,
            _ => self.sign(start, first)?,
        };
        Ok(Some(Token { column, kind }))
    }

    fn sign(&mut self, start: usize, first: char) -> Result<TokenKind, LexError> {
        let column = self.column;
        let rest = &self.text[start..];
        let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
        match sign {
            Some("=") => {
                let hint = Some("write \"==\" to compare");
                Err(LexError { column, message: "unexpected \"=\"".to_owned(), hint })
            }
            Some(sign) => {
                sign.chars().for_each(|_| self.bump());
                Ok(TokenKind::Sign(sign))
            }
            None => {
                let message = format!("unexpected \"{first}\"");
                let hint = FOREIGN.iter().find(|(sign, _)| *sign == first).map(|(_, hint)| *hint);
                Err(LexError { column, message, hint })
            }
        }
    }

    fn number(&mut self, start: usize) -> Result<TokenKind, LexError> {
        let column = self.column;
        self.take_while(|c| c.is_ascii_digit());
        if self.follows(|first, second| first == '.' && second.is_ascii_digit()) {
            self.bump();
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = |first: char, second: char| {
            matches!(first, 'e' | 'E') && (second.is_ascii_digit() || matches!(second, '+' | '-'))
        };
        if self.follows(exponent) {
            self.bump();
            self.bump();
            self.take_while(|c| c.is_ascii_digit());
        }
        let digits = &self.text[start..self.offset()];
        let unit = self.word();
        let whole = &self.text[start..self.offset()];
        if matches!(unit, "m" | "h" | "d" | "w" | "M") {
            return Ok(TokenKind::Duration(whole.to_owned()));
        }
        let value = digits.parse::<f64>().ok().filter(|value| unit.is_empty() && value.is_finite());
        value.map(TokenKind::Number).ok_or_else(|| {
            let whole: String = whole.chars().take(32).collect();
            error(column, &format!("\"{whole}\" is no number that fits"))
        })
    }

    fn quoted(&mut self, quote: char) -> Result<TokenKind, LexError> {
        let column = self.column;
        self.bump();
        let start = self.offset();
        self.take_while(|c| c != quote);
        let text = &self.text[start..self.offset()];
        if self.chars.peek().is_none() {
            return Err(error(column, "the quoted text has no end"));
        }
        self.bump();
        Ok(TokenKind::Quoted(text.to_owned()))
    }

    fn word(&mut self) -> &'t str {
        let start = self.offset();
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        &self.text[start..self.offset()]
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) {
        while self.chars.next_if(|(_, c)| accept(*c)).is_some() {
            self.column += 1;
        }
    }

    fn bump(&mut self) {
        if self.chars.next().is_some() {
            self.column += 1;
        }
    }

    /// Byte offset of the next character.
    fn offset(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(offset, _)| *offset)
    }

    /// Whether the next two characters are as asked.
    fn follows(&mut self, accept: impl Fn(char, char) -> bool) -> bool {
        let offset = self.offset();
        let mut next = self.text[offset..].chars();
        match (next.next(), next.next()) {
            (Some(first), Some(second)) => accept(first, second),
            _ => false,
        }
    }
}

fn error(column: usize, message: &str) -> LexError {
    LexError { column, message: message.to_owned(), hint: None }
}
