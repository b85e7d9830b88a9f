//! As tests/e2e, with programs whose closures are large: `make test-more`.

#[path = "../e2e/everywhere.rs"]
mod everywhere;
#[allow(dead_code)] // tests/e2e uses all of it
#[path = "../e2e/harness.rs"]
mod harness;
mod anywhere {
    crate::relocated::from_any_folder! {
        gdb = "gdb";
        emacs = "emacs";
        node = "node";
        ruby = "ruby";
        bash = "bash";
    }
}
#[allow(dead_code)] // the same
#[path = "../e2e/relocated.rs"]
mod relocated;
mod windows;

use everywhere::cases;
use harness::{Case, Machine};

cases! {
    gdb = "gdb": flat store;
    emacs = "emacs": flat store;
    node = "node": flat store;
    ruby = "ruby": flat store;
    bash = "bash": flat store;
}

#[test]
fn checks_pass_with_the_bare_closure() {
    for target in ["scratch", "bullseye"] {
        for case in Case::more() {
            Machine::new(target).passes_bare(&case);
        }
    }
}
