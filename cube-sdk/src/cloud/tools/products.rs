//! Products, release channels, change requests.

use super::{taken, tools};

tools! {
    /// Products with their labels.
    list_products ListProducts () {
        /// Only those with this in their id, in any case.
        search: text,
        /// At most so many: 50 unless told otherwise, 200 at most.
        page_size: number,
        /// To go on with a long list: the cursor of the last answer.
        cursor: text,
    } reads -> Products;

    /// The installed version of a product in several environments, side by side. `product_id` is `group:artifact`.
    compare_product_versions CompareProductVersions (product_id: text, environments: names) {} reads -> Compared;

    /// Release channels.
    list_release_channels ListReleaseChannels () {
        /// Only those with this in their name, in any case.
        search: text,
        /// Those of single environments too.
        include_env_specific: flag,
    } reads -> Channels;

    /// The releases of a product with the channels that they are in.
    get_product_releases GetProductReleases (product_id: text) {
        /// At most so many: 10 unless told otherwise, 50 at most.
        page_size: number,
        /// To go on with a long list: the cursor of the last answer.
        cursor: text,
    } reads -> Releases;

    /// Adds a release to release channels.
    add_product_to_release_channel AddProductToReleaseChannel (product_id: text, version: text, channels: names) {
        /// Why.
        rationale: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Promoted;

    /// Takes a release out of release channels.
    remove_product_from_release_channel RemoveProductFromReleaseChannel
        (product_id: text, version: text, channels: names)
    {
        /// Why.
        rationale: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Promoted;

    /// Sets a label on a product.
    set_label_on_product SetLabelOnProduct (product_id: text, label_id: text, label_value: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> ProductDone;

    /// Removes a label from a product.
    remove_label_from_product RemoveLabelFromProduct (product_id: text, label_id: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> ProductDone;

    /// Change requests, of one environment and one status where they are named.
    list_change_requests ListChangeRequests () {
        /// Only those of this environment.
        environment: text,
        /// Only those of this status, such as `PENDING_APPROVALS`.
        status: text,
        /// At most so many: 10 unless told otherwise, 50 at most.
        page_size: number,
        /// To go on with a long list: the cursor of the last answer.
        cursor: text,
    } reads -> ChangeRequests;

    /// Decides a change request: `approve`, `reject` or `cancel`.
    review_change_request ReviewChangeRequest (rid: text, action: text) {
        /// Needed to reject, taken to approve.
        comment: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Reviewed;
}
