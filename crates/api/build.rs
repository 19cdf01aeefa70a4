//! Builds again when the page was built; never builds the page itself.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
