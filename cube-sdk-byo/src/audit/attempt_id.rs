//! What ties audit rows together: the rows of one HTTP attempt, the rows of one probe.

use serde::{Deserialize, Serialize};

macro_rules! minted {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// A new one. Ids minted later sort behind those minted before.
            pub fn mint() -> Self {
                Self(uuid::Uuid::now_v7().to_string().into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

minted! {
    /// One HTTP attempt: its row, and the row that follows when its body breaks.
    AttemptId
}

minted! {
    /// One readiness probe: the rows of its calls.
    ProbeId
}
