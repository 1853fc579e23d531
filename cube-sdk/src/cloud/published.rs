//! The published names of tools, and which of them change nothing.

/// Each tool that has a method, and whether a call changes nothing.
const TOOLS: [(&str, bool); 39] = [
    ("cube_list", true),
    ("cube_status", true),
    ("cube_cluster_login", true),
    ("kubectl_exec", true),
    ("list_services", true),
    ("app_list", true),
    ("list_environments", true),
    ("create_environment", false),
    ("replicate_environment", false),
    ("delete_environment", false),
    ("reset_environment_agents", false),
    ("install_entity", false),
    ("uninstall_entity", false),
    ("entity_health", true),
    ("plan_details", true),
    ("update_entity_config", false),
    ("enforce_entity_config", false),
    ("cancel_active_plan", false),
    ("install_module", false),
    ("uninstall_module", false),
    ("list_modules", true),
    ("update_module_variables", false),
    ("create_secret", false),
    ("update_secret", false),
    ("list_products", true),
    ("compare_product_versions", true),
    ("list_release_channels", true),
    ("get_product_releases", true),
    ("add_product_to_release_channel", false),
    ("remove_product_from_release_channel", false),
    ("set_label_on_product", false),
    ("remove_label_from_product", false),
    ("list_change_requests", true),
    ("review_change_request", false),
    ("acr_get_token", true),
    ("apollo_publish_manifest", false),
    ("build_image_prepare", false),
    ("build_image_start", false),
    ("build_image_status", true),
];

/// The published name of a tool, and whether a call changes nothing.
pub(super) fn known(name: &str) -> Option<(&'static str, bool)> {
    TOOLS.into_iter().find(|(known, _)| *known == name)
}

/// Does a call of the tool of this published name change nothing? None for a name that is not published.
///
/// ```
/// use cube_sdk::cloud::tools::reads_only;
/// assert_eq!(reads_only("list_environments"), Some(true));
/// assert_eq!(reads_only("delete_environment"), Some(false));
/// assert_eq!(reads_only("make_coffee"), None);
/// ```
pub fn reads_only(name: &str) -> Option<bool> {
    known(name).map(|(_, reads)| reads)
}
