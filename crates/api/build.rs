//! Builds again when the page was built; never builds the page itself.

use std::path::Path;

fn main() {
    let built = Path::new("../../web/dist");
    // A folder that is not there would look changed to every build. If it cannot be made, that is all
    // that is lost.
    if built.parent().is_some_and(Path::is_dir) {
        let _already_there = std::fs::create_dir(built);
    }
    println!("cargo::rerun-if-changed={}", built.display());
}
