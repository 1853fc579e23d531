//! `cube product`: products, their releases and labels.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::{Context, given};
use crate::output::{Column, View};

/// Products: list, releases, compare, labels
#[derive(Subcommand)]
pub(crate) enum Products {
    Ls(Ls),
    Releases(Releases),
    Compare(Compare),
    SetLabel(SetLabel),
    RemoveLabel(RemoveLabel),
}

pub(super) const LS: View =
    View::list("product ls", "list_products", "products", &[Column("PRODUCT", "/id"), Column("LABELS", "/labels")]);
pub(super) const RELEASES: View = View::list(
    "product releases",
    "get_product_releases",
    "releases",
    &[Column("RELEASE", "/coordinate"), Column("CHANNELS", "/channels"), Column("RID", "/rid")],
);
pub(super) const COMPARE: View = View::text("product compare", "compare_product_versions");
pub(super) const SET_LABEL: View = View::text("product set-label", "set_label_on_product");
pub(super) const REMOVE_LABEL: View = View::text("product remove-label", "remove_label_from_product");

/// List products with their labels
#[derive(Args)]
#[command(after_help = "Examples:\n  cube product ls\n  cube product ls mosq --limit 200")]
pub(crate) struct Ls {
    /// Only those with this in their id, in any case
    search: Option<String>,
    /// At most so many [default: 50]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: Option<u32>,
}

/// List the releases of a product with the channels that they are in
#[derive(Args)]
#[command(after_help = "Examples:\n  cube product releases com.example:mosquitto --limit 3")]
pub(crate) struct Releases {
    /// The product, `group:artifact`
    product: String,
    /// At most so many [default: 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    limit: Option<u32>,
}

/// Show the installed version of a product in several environments
#[derive(Args)]
#[command(after_help = "Examples:\n  cube product compare com.example:mosquitto cube-7 cube-8")]
pub(crate) struct Compare {
    /// The product, `group:artifact`
    product: String,
    /// The environments
    #[arg(required = true, add = clap_complete::ArgValueCandidates::new(crate::complete::environments))]
    environments: Vec<String>,
}

/// Set a label on a product
#[derive(Args)]
#[command(after_help = "Examples:\n  cube product set-label com.example:mosquitto customer acme")]
pub(crate) struct SetLabel {
    /// The product, `group:artifact`
    product: String,
    /// The label
    label: String,
    /// Its value
    value: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Remove a label from a product
#[derive(Args)]
#[command(after_help = "Examples:\n  cube product remove-label com.example:mosquitto customer")]
pub(crate) struct RemoveLabel {
    /// The product, `group:artifact`
    product: String,
    /// The label
    label: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

impl Products {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Ls(Ls { search, limit }) => {
                let call = given!(cloud.list_products(), search = search, page_size = limit);
                context.output().reply(&LS, call.await?.reply())
            }
            Self::Releases(Releases { product, limit }) => {
                let call = given!(cloud.get_product_releases(product), page_size = limit);
                context.output().reply(&RELEASES, call.await?.reply())
            }
            Self::Compare(Compare { product, environments }) => {
                let answer = cloud.compare_product_versions(product, environments).await?;
                context.output().reply(&COMPARE, answer.reply())
            }
            Self::SetLabel(SetLabel { product, label, value, dry_run }) => {
                let call = cloud.set_label_on_product(product, label, value).dry_run(dry_run);
                context.call(&SET_LABEL, call.stream()).await
            }
            Self::RemoveLabel(RemoveLabel { product, label, dry_run }) => {
                context.confirm_unless(dry_run, "removes the label from the product", &label)?;
                let call = cloud.remove_label_from_product(product, label).dry_run(dry_run);
                context.call(&REMOVE_LABEL, call.stream()).await
            }
        }
    }
}
