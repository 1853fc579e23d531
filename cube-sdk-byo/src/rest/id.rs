//! The ids of EdgeGate's rows. Each is a UUID of any version, written in lower case.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The id as 128 bits.
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The id of these 128 bits.
            pub const fn from_u128(bits: u128) -> Self {
                Self(uuid::Uuid::from_u128(bits))
            }
        }

        impl std::str::FromStr for $name {
            type Err = cube_sdk_core::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let text = text.trim();
                // The crate also reads braced, URN and unhyphenated forms, which EdgeGate refuses.
                let hyphenated = text.len() == 36 && text.is_ascii();
                match uuid::Uuid::try_parse(text) {
                    Ok(id) if hyphenated => Ok(Self(id)),
                    _ => Err($crate::checked_text::refused($what, text, "it must be a UUID, 8-4-4-4-12 hex digits")
                        .advice("copy the id from the dashboard or from the reply that named it")),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = cube_sdk_core::Error;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.hyphenated())
            }
        }
    };
}

id! {
    /// A workspace.
    ///
    /// ```
    /// use cube_sdk_byo::rest::WorkspaceId;
    /// let id: WorkspaceId = "0A9D3C52-7D1F-4A0E-8A55-3F1F0C6F2B11".parse().unwrap();
    /// assert_eq!(id.to_string(), "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11");
    /// assert!("my workspace".parse::<WorkspaceId>().is_err());
    /// ```
    WorkspaceId, "workspace id"
}
id! {
    /// A BYO grant.
    GrantId, "grant id"
}
id! {
    /// An artifact: a model, a bundle, an evaluation set …
    ArtifactId, "artifact id"
}
id! {
    /// A pipeline.
    PipelineId, "pipeline id"
}
id! {
    /// A run.
    RunId, "run id"
}
id! {
    /// An API key's row, not the key.
    ApiKeyId, "API key id"
}
id! {
    /// A user.
    UserId, "user id"
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id: RunId = " e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20 ".parse().unwrap();
        assert_eq!(id.to_string(), "e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20");
        assert_eq!(RunId::from_u128(id.as_u128()), id);
        for text in
            ["", "e1c3a0b92f664f2b8a445b0c9f1d8e20", "{e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20}", "../workspaces", "run 7"]
        {
            let error = text.parse::<RunId>().unwrap_err();
            assert_eq!(error.kind(), cube_sdk_core::ErrorKind::InvalidInput, "{text}");
        }
    }
}
