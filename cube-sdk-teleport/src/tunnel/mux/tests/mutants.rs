//! The properties see faults: each one that is put in on purpose is found.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::properties::{agree, ops};
use crate::tunnel::mux::Version;
use crate::tunnel::mux::mutant::Mutant;

/// The same cases for every mutant.
fn objection(mutant: Option<Mutant>) -> Option<String> {
    let config =
        ProptestConfig { cases: 400, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&ops(), |ops| agree(Version::V2, ops, mutant)).err().map(|error| error.to_string())
}

#[test]
fn every_mutant_is_caught() {
    assert_eq!(objection(None), None, "the cases themselves are clean");
    for mutant in Mutant::ALL {
        assert!(objection(Some(mutant)).is_some(), "{mutant:?} goes unseen");
    }
}
