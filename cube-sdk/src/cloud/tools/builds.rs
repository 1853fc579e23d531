//! The registry, and images that the service builds.

use super::{taken, tools};

tools! {
    /// A token for Apollo's container registry.
    acr_get_token AcrGetToken () {} reads -> RegistryToken;

    /// Publishes a product release's manifest, given as YAML: metadata only, not the chart.
    apollo_publish_manifest ApolloPublishManifest (manifest_yaml: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Published;

    /// Opens a build of an image and tells where its context goes. `image_name` is bare: no registry, no tag.
    build_image_prepare BuildImagePrepare (image_name: text, tag: text) {} writes -> ImageBuild;

    /// Starts a build whose context was uploaded.
    build_image_start BuildImageStart (job_id: text) {
        /// Path below the context's root. Default `Dockerfile`.
        dockerfile: text,
        /// Stage to build.
        target: text,
        /// Target platform. Default `linux/amd64`.
        platform: text,
    } writes -> ImageBuild;

    /// How far a build is.
    build_image_status BuildImageStatus (job_id: text) {} reads -> ImageBuild;
}
