//! The text form, read into nodes by precedence climbing.
//!
//! From loose to tight: `or`, `and`, `not`, comparisons (one, not a chain), `+ -`, `* /`, unary `-`,
//! `.output`. A run of `and`, `or`, `+` or `*` is one node, as in the tree. The first error ends the
//! text: what follows it would only mislead.

use super::lexer::{Token, TokenKind, tokens};
use super::{Callee, Form, Node, Operator, Place, Reader, takes_a_word};
use crate::strategy::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use crate::strategy::{CompareOp, MathOp};

/// How tight an operator binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Minus,
}

impl Power {
    /// The next tighter one.
    fn tighter(self) -> Power {
        match self {
            Power::Or => Power::And,
            Power::And => Power::Not,
            Power::Not => Power::Compare,
            Power::Compare => Power::Sum,
            Power::Sum => Power::Product,
            Power::Product | Power::Minus => Power::Minus,
        }
    }
}

impl Reader<'_> {
    /// Reads a text that stands at `place`, `depth` levels deep in its document.
    pub(crate) fn text(&mut self, text: &str, place: Place, depth: usize) -> Option<Node> {
        self.parse(text, place, depth, true)
    }

    /// Reads a text of ours that stands for what was written at `place`.
    pub(crate) fn template(&mut self, text: &str, place: Place) -> Option<Node> {
        self.parse(text, place, 1, false)
    }

    fn parse(&mut self, text: &str, place: Place, depth: usize, columns: bool) -> Option<Node> {
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("the text has {} bytes, at most {MAX_TEXT_BYTES}", text.len());
            place.fault(self.faults, "too_large", &message, None);
            return None;
        }
        let tokens = match tokens(text) {
            Ok(tokens) => tokens,
            Err(error) => {
                let place = Place { column: Some(error.column), ..place };
                let hint = error.hint.map(str::to_owned);
                place.fault(self.faults, "bad_text", &error.message, hint);
                return None;
            }
        };
        let end = text.chars().count() + 1;
        let mut parser = Parser { reader: self, place, columns, tokens, end, next: 0 };
        let node = parser.expression(Power::Or, depth)?;
        if parser.next < parser.tokens.len() {
            parser.unexpected("after the end of the expression", None);
            return None;
        }
        Some(node)
    }
}

struct Parser<'r, 'f> {
    reader: &'r mut Reader<'f>,
    place: Place,
    /// Whether nodes have columns; else all are at `place`.
    columns: bool,
    tokens: Vec<Token>,
    /// Column behind the last character.
    end: usize,
    next: usize,
}

impl Parser<'_, '_> {
    fn expression(&mut self, least: Power, depth: usize) -> Option<Node> {
        let mut left = self.prefix(depth)?;
        let mut wraps = 0;
        while let Some((operator, power)) = self.infix().filter(|(_, power)| *power >= least) {
            wraps += 1;
            if !self.is_shallow(depth + wraps) || !self.reader.spend(&left.place) {
                return None;
            }
            let place = left.place.clone();
            let joins = !matches!(
                operator,
                Operator::Compare(_) | Operator::Math(MathOp::Sub | MathOp::Div)
            );
            let mut positional = vec![left];
            while self.infix() == Some((operator, power)) {
                self.next += 1;
                positional.push(self.expression(power.tighter(), depth + wraps)?);
                if !joins {
                    break;
                }
            }
            if power == Power::Compare && self.infix().is_some_and(|(_, next)| next == power) {
                let hint = "write \"a < b and b < c\"";
                self.unexpected("in a chain of comparisons", Some(hint));
                return None;
            }
            let callee = Callee::Operator(operator);
            left = Node { place, form: Form::Call { callee, positional, named: Vec::new() } };
        }
        Some(left)
    }

    /// The operator between two operands that comes next.
    fn infix(&self) -> Option<(Operator, Power)> {
        let compare = |op| (Operator::Compare(op), Power::Compare);
        match self.peek()? {
            TokenKind::Name(name) if name == "or" => Some((Operator::Any, Power::Or)),
            TokenKind::Name(name) if name == "and" => Some((Operator::All, Power::And)),
            TokenKind::Sign(sign) => match *sign {
                "<" => Some(compare(CompareOp::Lt)),
                "<=" => Some(compare(CompareOp::Le)),
                ">" => Some(compare(CompareOp::Gt)),
                ">=" => Some(compare(CompareOp::Ge)),
                "==" => Some(compare(CompareOp::Eq)),
                "!=" => Some(compare(CompareOp::Ne)),
                "+" => Some((Operator::Math(MathOp::Add), Power::Sum)),
                "-" => Some((Operator::Math(MathOp::Sub), Power::Sum)),
                "*" => Some((Operator::Math(MathOp::Mul), Power::Product)),
                "/" => Some((Operator::Math(MathOp::Div), Power::Product)),
                _ => None,
            },
            TokenKind::Name(_)
            | TokenKind::Number(_)
            | TokenKind::Duration(_)
            | TokenKind::Param(_)
            | TokenKind::Quoted(_) => None,
        }
    }

    fn prefix(&mut self, depth: usize) -> Option<Node> {
        let place = self.here();
        if !self.is_shallow(depth) || !self.reader.spend(&place) {
            return None;
        }
        let call = |operator, positional| Form::Call {
            callee: Callee::Operator(operator),
            positional,
            named: Vec::new(),
        };
        if self.peek_name() == Some("not") {
            self.next += 1;
            let of = self.expression(Power::Not, depth + 1)?;
            return Some(Node { place, form: call(Operator::Not, vec![of]) });
        }
        if self.take("-") {
            let of = self.expression(Power::Minus, depth + 1)?;
            if let Form::Number(value) = of.form {
                return Some(Node { place, form: Form::Number(-value) });
            }
            let minus_one = Node { place: place.clone(), form: Form::Number(-1.0) };
            return Some(Node {
                place,
                form: call(Operator::Math(MathOp::Mul), vec![minus_one, of]),
            });
        }
        let mut node = self.primary(place, depth)?;
        let mut wraps = 0;
        while self.take(".") {
            wraps += 1;
            let place = self.here();
            if !self.is_shallow(depth + wraps) || !self.reader.spend(&place) {
                return None;
            }
            let Some(output) = self.take_name() else {
                self.unexpected("where the name of an output belongs", None);
                return None;
            };
            node = Node { place, form: Form::Output(Box::new(node), output) };
        }
        Some(node)
    }

    fn primary(&mut self, place: Place, depth: usize) -> Option<Node> {
        let form = match self.peek() {
            Some(TokenKind::Number(value)) => Form::Number(*value),
            Some(TokenKind::Duration(word) | TokenKind::Quoted(word)) => Form::Word(word.clone()),
            Some(TokenKind::Param(name)) => Form::Param(name.clone()),
            Some(TokenKind::Name(name)) if matches!(name.as_str(), "and" | "or") => {
                self.unexpected("where a value belongs", None);
                return None;
            }
            Some(TokenKind::Name(name)) if name == "true" || name == "false" => {
                Form::Bool(name == "true")
            }
            Some(TokenKind::Name(name)) => {
                let name = name.clone();
                self.next += 1;
                if self.take("(") {
                    return self.call(&name, place, depth);
                }
                return Some(Node { place, form: Form::Name(name) });
            }
            Some(TokenKind::Sign("(")) => {
                self.next += 1;
                let inner = self.expression(Power::Or, depth + 1)?;
                return self.close().then_some(inner);
            }
            Some(TokenKind::Sign(_)) | None => {
                self.unexpected("where a value belongs", None);
                return None;
            }
        };
        self.next += 1;
        Some(Node { place, form })
    }

    /// Reads the arguments of a call up to its closing parenthesis.
    fn call(&mut self, name: &str, place: Place, depth: usize) -> Option<Node> {
        let callee = self.reader.callee(name, &place)?;
        let mut positional = Vec::new();
        let mut named: Vec<(String, Node)> = Vec::new();
        while !self.take(")") {
            let is_first = positional.is_empty() && named.is_empty();
            if !is_first && !self.take(",") {
                self.unexpected("where \",\" or \")\" belongs", None);
                return None;
            }
            if self.peek_name().is_some() && self.is_sign(1, ":") {
                let at = self.here();
                let name = self.take_name()?;
                self.next += 1;
                if named.iter().any(|(known, _)| *known == name) {
                    let message = format!("\"{name}\" is given twice");
                    at.fault(self.reader.faults, "bad_text", &message, None);
                    return None;
                }
                let value = self.argument(&name, depth + 1)?;
                named.push((name, value));
            } else if named.is_empty() {
                positional.push(self.expression(Power::Or, depth + 1)?);
            } else {
                self.unexpected("after a named argument", Some("name the later ones too"));
                return None;
            }
        }
        Some(Node { place, form: Form::Call { callee, positional, named } })
    }

    /// The value of a named argument: an expression, or a word where the argument takes one.
    fn argument(&mut self, name: &str, depth: usize) -> Option<Node> {
        if takes_a_word(name)
            && let Some(TokenKind::Name(word) | TokenKind::Quoted(word) | TokenKind::Duration(word)) =
                self.peek()
        {
            let (place, form) = (self.here(), Form::Word(word.clone()));
            self.next += 1;
            return self.reader.spend(&place).then_some(Node { place, form });
        }
        self.expression(Power::Or, depth)
    }

    fn is_shallow(&mut self, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            let message = format!("the text is nested deeper than {MAX_DEPTH} levels");
            self.here().fault(self.reader.faults, "too_large", &message, None);
        }
        depth <= MAX_DEPTH
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn peek_name(&self) -> Option<&str> {
        match self.peek() {
            Some(TokenKind::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn take_name(&mut self) -> Option<String> {
        let name = self.peek_name().map(str::to_owned);
        self.next += usize::from(name.is_some());
        name
    }

    /// Whether the token `ahead` of the next one is this sign.
    fn is_sign(&self, ahead: usize, sign: &str) -> bool {
        let token = self.tokens.get(self.next + ahead);
        token.is_some_and(|token| matches!(token.kind, TokenKind::Sign(found) if found == sign))
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(0, sign);
        self.next += usize::from(found);
        found
    }

    fn close(&mut self) -> bool {
        let closed = self.take(")");
        if !closed {
            self.unexpected("where \")\" belongs", None);
        }
        closed
    }

    /// Place of the next token.
    fn here(&self) -> Place {
        let column = self.tokens.get(self.next).map_or(self.end, |token| token.column);
        let column = if self.columns { Some(column) } else { self.place.column };
        Place { pointer: self.place.pointer.clone(), column }
    }

    fn unexpected(&mut self, context: &str, hint: Option<&str>) {
        let found = match self.peek() {
            None => "end of text".to_owned(),
            Some(TokenKind::Number(_)) => "number".to_owned(),
            Some(TokenKind::Duration(word) | TokenKind::Quoted(word) | TokenKind::Name(word)) => {
                format!("\"{}\"", super::shortened(word))
            }
            Some(TokenKind::Param(name)) => format!("\"${}\"", super::shortened(name)),
            Some(TokenKind::Sign(sign)) => format!("\"{sign}\""),
        };
        let message = format!("unexpected {found} {context}");
        self.here().fault(self.reader.faults, "bad_text", &message, hint.map(str::to_owned));
    }
}
