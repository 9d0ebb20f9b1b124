//! The C library is named by hand: without the standard library nobody else does.

fn main() {
    println!("cargo:rustc-link-lib=c");
    println!("cargo:rerun-if-changed=build.rs");
}
