//! The ids of EdgeGate's rows. Each is a UUID of any version, written in lower case.

use cube_sdk_core::uuid_id;

uuid_id! {
    /// A workspace.
    ///
    /// ```
    /// use cube_sdk_byo::rest::WorkspaceId;
    /// let id: WorkspaceId = "0A9D3C52-7D1F-4A0E-8A55-3F1F0C6F2B11".parse().unwrap();
    /// assert_eq!(id.to_string(), "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11");
    /// assert!("my workspace".parse::<WorkspaceId>().is_err());
    /// ```
    pub struct WorkspaceId: "workspace id";

    /// A BYO grant.
    pub struct GrantId: "grant id";

    /// An artifact: a model, a bundle, an evaluation set …
    pub struct ArtifactId: "artifact id";

    /// A pipeline.
    pub struct PipelineId: "pipeline id";

    /// A run.
    pub struct RunId: "run id";

    /// An API key's row, not the key.
    pub struct ApiKeyId: "API key id";

    /// A user.
    pub struct UserId: "user id";
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
