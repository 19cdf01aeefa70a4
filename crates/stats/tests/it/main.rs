//! Behaviour of `stats` through its public items.

mod equity;
mod noise;

#[test]
fn the_reference_of_metrics_is_the_catalogue() {
    let page = include_str!("../../../../docs/reference/metrics.md");
    let generated = stats::reference_markdown();
    assert_eq!(page, generated, "write the text on the right to docs/reference/metrics.md");
}
