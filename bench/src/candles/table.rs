//! The figures, beside what they should be.

use std::time::Duration;

/// Lines of figures.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<[String; 4]>,
}

impl Table {
    /// A figure without a target.
    pub(crate) fn row(&mut self, what: &str, figure: String) {
        self.lines.push([what.to_owned(), figure, String::new(), String::new()]);
    }

    /// A figure that should be within a target.
    pub(crate) fn target(&mut self, what: &str, figure: String, target: &str, is_met: bool) {
        let verdict = if is_met { "met" } else { "MISSED" };
        self.lines.push([what.to_owned(), figure, target.to_owned(), verdict.to_owned()]);
    }

    pub(crate) fn print(&self) {
        let width = |column: usize| {
            self.lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths = [0, 1, 2].map(width);
        for [what, figure, target, verdict] in &self.lines {
            let line = format!(
                "{what:<0$}  {figure:<1$}  {target:<2$}  {verdict}",
                widths[0], widths[1], widths[2]
            );
            println!("{}", line.trim_end());
        }
    }
}

/// The middle one, and the span of all.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A median with the least and the largest, in seconds or milliseconds.
pub(crate) fn words(times: &[Duration]) -> String {
    let (least, most) = (times.iter().min(), times.iter().max());
    let [middle, least, most] =
        [median(times), least.copied().unwrap_or_default(), most.copied().unwrap_or_default()];
    if middle < Duration::from_secs(1) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!("{:.1} ms ({:.1} to {:.1})", ms(middle), ms(least), ms(most))
    } else {
        let s = |time: Duration| time.as_secs_f64();
        format!("{:.2} s ({:.2} to {:.2})", s(middle), s(least), s(most))
    }
}
