//! The tools, a file for each group.

mod apps;
mod arguments;
mod call;
mod change_requests;
mod entities;
mod environments;
mod images;
mod kubernetes;
mod modules;
mod paging;
mod products;
mod registry;
mod secrets;
#[cfg(test)]
mod tests;
mod tool;

pub(crate) use call::{Call, NotPermitted, Progress, Reply};
pub(crate) use tool::Tool;

/// Every tool of the service, in the order of their lists.
pub(crate) fn all() -> Vec<Tool> {
    [
        kubernetes::tools(),
        apps::tools(),
        registry::tools(),
        images::tools(),
        environments::tools(),
        entities::tools(),
        modules::tools(),
        secrets::tools(),
        products::tools(),
        change_requests::tools(),
    ]
    .concat()
}
