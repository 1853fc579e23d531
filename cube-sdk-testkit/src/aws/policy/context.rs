//! What a request says about itself.

use std::collections::BTreeMap;

/// Condition keys and their values; keys in lower case, since AWS compares them so.
pub(crate) type Context = BTreeMap<String, String>;
