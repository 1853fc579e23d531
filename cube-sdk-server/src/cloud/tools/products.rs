//! Products, their releases, labels and release channels.

use cube_sdk_apollo::{MavenCoordinate, ProductId};
use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::Names;
use super::call::{Call, Reply, contains, sent};
use super::paging::{Cursor, Found, some};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Part of the name or id, in any case.
    search: Option<String>,
    /// At most so many, 50 unless told otherwise, 200 at most.
    page_size: Option<u32>,
    /// To go on with a long list: the cursor of the last reply, with the other arguments as they were.
    cursor: Option<Cursor>,
}

#[derive(Deserialize, JsonSchema)]
struct Compare {
    /// `group:artifact`, without version.
    product_id: String,
    /// Names of environments, with commas between.
    environments: Names,
}

#[derive(Deserialize, JsonSchema)]
struct Channels {
    /// Part of the name, in any case.
    search: Option<String>,
    /// Show channels of single environments too.
    #[serde(default)]
    include_env_specific: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Releases {
    /// `group:artifact`, without version.
    product_id: String,
    /// At most so many, 10 unless told otherwise, 50 at most.
    page_size: Option<u32>,
    /// To go on with a long list: the cursor of the last reply, with the other arguments as they were.
    cursor: Option<Cursor>,
}

#[derive(Deserialize, JsonSchema)]
struct Promote {
    /// `group:artifact`, without version.
    product_id: String,
    /// Version of the release.
    version: String,
    /// Names of channels, with commas between.
    channels: Names,
    /// Why, for the record.
    rationale: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct SetLabel {
    /// `group:artifact`, without version.
    product_id: String,
    /// Id of the label, such as `customer`.
    label_id: String,
    /// Its value.
    label_value: String,
}

#[derive(Deserialize, JsonSchema)]
struct RemoveLabel {
    /// `group:artifact`, without version.
    product_id: String,
    /// Id of the label, such as `customer`.
    label_id: String,
}

pub(super) fn tools() -> Vec<Tool> {
    let product = [("product", "object")];
    let release = [("release", "string"), ("channels", "array")];
    vec![
        Tool::new("list_products", Effect::Read, Needs::Apollo, list)
            .about("List products", "Products with their labels, optionally by part of the id.")
            .gives(&[("products", "array"), ("more", "boolean")])
            .paged(),
        Tool::new("compare_product_versions", Effect::Read, Needs::Apollo, compare)
            .about("Compare versions", "The installed version of a product in several environments, side by side.")
            .gives(&[("environments", "array")]),
        Tool::new("list_release_channels", Effect::Read, Needs::Apollo, channels)
            .about("List release channels", "Release channels; those of single environments only when asked for.")
            .gives(&[("channels", "array"), ("more", "boolean")]),
        Tool::new("get_product_releases", Effect::Read, Needs::Apollo, releases)
            .about("Releases of a product", "The releases of a product with the channels that they are in.")
            .gives(&[("releases", "array"), ("more", "boolean")])
            .paged(),
        Tool::new("add_product_to_release_channel", Effect::Write, Needs::Apollo, add)
            .about("Promote a release", "Adds a release to release channels.")
            .gives(&release)
            .dry_run()
            .idempotent(),
        Tool::new("remove_product_from_release_channel", Effect::Destroy, Needs::Apollo, remove)
            .about("Take a release back", "Removes a release from release channels.")
            .gives(&release)
            .dry_run()
            .idempotent(),
        Tool::new("set_label_on_product", Effect::Write, Needs::Apollo, set_label)
            .about("Label a product", "Sets a label on a product.")
            .gives(&product)
            .dry_run()
            .idempotent(),
        Tool::new("remove_label_from_product", Effect::Destroy, Needs::Apollo, remove_label)
            .about("Remove a label", "Removes a label from a product.")
            .gives(&product)
            .dry_run()
            .idempotent(),
    ]
}

fn line(product: &cube_sdk_apollo::products::Product) -> String {
    let labels = product.labels.iter().map(|it| format!("{}={}", it.id, it.value.as_deref().unwrap_or_default()));
    format!("{}  {}", product.id, labels.collect::<Vec<_>>().join(" ")).trim_end().to_owned()
}

async fn list(call: Call, args: List) -> Result<Reply> {
    let most = args.page_size.unwrap_or(50).clamp(1, 200) as usize;
    let wanted = args.search.as_deref();
    let found =
        some("products", call.apollo()?.products().list(), args.cursor, most, |it| contains(&it.id, wanted)).await?;
    Ok(Reply::list(&found, "products", "No product fits.", line))
}

async fn compare(call: Call, args: Compare) -> Result<Reply> {
    let product: ProductId = args.product_id.parse()?;
    let (apollo, Names(names)) = (call.apollo()?, args.environments);
    let (mut text, mut rows) = (String::new(), Vec::new());
    // One by one: each is a step of the progress, and one that fails leaves the others.
    for (at, name) in names.iter().enumerate() {
        call.tell(at, Some(names.len()), format!("reading {name}"));
        for row in apollo.products().compare(product.clone(), [name.as_str()]).await? {
            text.push_str(&format!("{}:", row.environment.name));
            if row.entities.is_empty() {
                text.push_str(" not installed");
            }
            for entity in &row.entities {
                let reported = entity.reported.clone().unwrap_or_default();
                let word = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
                text.push_str(&format!(
                    " {} version {} rollout {} health {} channel {}",
                    entity.name,
                    word(reported.version),
                    word(reported.rollout.map(|it| it.to_string())),
                    word(reported.health.map(|it| it.to_string())),
                    word(entity.release_channel.clone()),
                ));
            }
            text.push('\n');
            rows.push(row);
        }
    }
    Ok(Reply::new(text, json!({ "environments": rows })))
}

async fn channels(call: Call, args: Channels) -> Result<Reply> {
    let wanted = args.search.as_deref();
    let mut channels = call.apollo()?.channels().list().await?;
    let own = |kind: Option<&str>| kind.is_some_and(|kind| kind.to_lowercase().contains("environment"));
    channels.retain(|it| contains(&it.name, wanted) && (args.include_env_specific || !own(it.kind.as_deref())));
    Ok(Reply::list(&Found::from(channels), "channels", "No channel fits.", |it| {
        format!("{}  {}", it.name, it.description.as_deref().unwrap_or_default()).trim_end().to_owned()
    }))
}

async fn releases(call: Call, args: Releases) -> Result<Reply> {
    let most = args.page_size.unwrap_or(10).clamp(1, 50) as usize;
    let product: ProductId = args.product_id.parse()?;
    let found = some("releases", call.apollo()?.releases(product).list(), args.cursor, most, |_| true).await?;
    Ok(Reply::list(&found, "releases", "The product has no releases.", |it| {
        format!("{}  channels {}  rid {}", it.version(), it.channels.join(", "), it.rid)
    }))
}

fn coordinate(args: &Promote) -> Result<MavenCoordinate> {
    format!("{}:{}", args.product_id.trim(), args.version.trim()).parse()
}

async fn add(call: Call, args: Promote) -> Result<Reply> {
    let release = coordinate(&args)?;
    let mut change = call.apollo()?.channels().add(release.clone(), args.channels.0.clone());
    if let Some(why) = args.rationale {
        change = change.rationale(why);
    }
    sent!(call, change);
    let text = format!("{release} is in {}.\n", args.channels.0.join(", "));
    Ok(Reply::new(text, json!({ "release": release, "channels": args.channels.0 })))
}

async fn remove(call: Call, args: Promote) -> Result<Reply> {
    let release = coordinate(&args)?;
    let mut change = call.apollo()?.channels().remove(release.clone(), args.channels.0.clone());
    if let Some(why) = args.rationale {
        change = change.rationale(why);
    }
    sent!(call, change);
    let text = format!("{release} is no longer in {}.\n", args.channels.0.join(", "));
    Ok(Reply::new(text, json!({ "release": release, "channels": args.channels.0 })))
}

async fn set_label(call: Call, args: SetLabel) -> Result<Reply> {
    let product: ProductId = args.product_id.parse()?;
    let product = sent!(call, call.apollo()?.labels(product).set(args.label_id, args.label_value));
    Ok(Reply::new(line(&product) + "\n", json!({ "product": product })))
}

async fn remove_label(call: Call, args: RemoveLabel) -> Result<Reply> {
    let product: ProductId = args.product_id.parse()?;
    let product = sent!(call, call.apollo()?.labels(product).remove(args.label_id));
    Ok(Reply::new(line(&product) + "\n", json!({ "product": product })))
}
