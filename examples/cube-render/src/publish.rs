//! A chart on its way to a release.

use cube_sdk::apollo::publish::{Progress, ReleasePlan, ReleaseReport};
use schemars::JsonSchema;
use serde::Serialize;

use crate::View;
use crate::table::grouped;

/// What a release would do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Plan {
    /// The version that would be released.
    pub version: String,
    /// The steps, in words.
    pub steps: Vec<String>,
}

impl From<&ReleasePlan> for Plan {
    fn from(plan: &ReleasePlan) -> Self {
        Self { version: plan.version().to_string(), steps: plan.to_string().lines().map(str::to_owned).collect() }
    }
}

impl View for Plan {
    const NAME: &'static str = "publish.plan";

    fn text(&self) -> String {
        format!("Nothing was done. This would be:\n{}", self.steps.join("\n"))
    }
}

/// What a release came to.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Released {
    /// `group:chart:version`.
    pub release: String,
    /// Where the chart is, without host: `repository:tag`.
    pub chart: String,
    /// The digest of its manifest.
    pub digest: String,
    /// The image that was built.
    pub image: Option<String>,
    /// Bytes of the package.
    pub length: u64,
    /// Apollo had the release before.
    pub existed: bool,
    /// The channels that it was added to.
    pub channels: Vec<String>,
    /// What its maker should look at.
    pub warnings: Vec<String>,
}

impl From<&ReleaseReport> for Released {
    fn from(report: &ReleaseReport) -> Self {
        Self {
            release: report.release.clone(),
            chart: format!("{}:{}", report.chart.repository, report.chart.tag),
            digest: report.chart.manifest.to_string(),
            image: report.image.clone(),
            length: report.length,
            existed: report.existed,
            channels: report.channels.clone(),
            warnings: report.warnings.clone(),
        }
    }
}

impl View for Released {
    const NAME: &'static str = "publish.released";

    fn text(&self) -> String {
        let had = if self.existed { " (Apollo had it already)" } else { "" };
        let mut lines = vec![format!("Released {}{had}.", self.release)];
        lines.extend(self.image.iter().map(|image| format!("[ok] image {image}")));
        lines.push(format!("[ok] chart {} ({} bytes), {}", self.chart, grouped(self.length), self.digest));
        if !self.channels.is_empty() {
            lines.push(format!("[ok] channels {}", self.channels.join(", ")));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("[warn] {warning}")));
        lines.join("\n")
    }
}

/// What became of asking for a release: the plan of a dry run, or the release.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Published {
    /// What would be done, where that is all that was asked for.
    pub plan: Option<Plan>,
    /// What was done.
    pub released: Option<Released>,
    /// The builder's lines, where they were asked for.
    pub log: Vec<String>,
}

impl Published {
    /// Nothing was done.
    pub const fn planned(plan: Plan) -> Self {
        Self { plan: Some(plan), released: None, log: Vec::new() }
    }

    /// It was done.
    pub const fn released(released: Released, log: Vec<String>) -> Self {
        Self { plan: None, released: Some(released), log }
    }
}

impl View for Published {
    const NAME: &'static str = "publish";

    fn text(&self) -> String {
        let plan = self.plan.iter().map(View::text);
        let log = if self.log.is_empty() { None } else { Some(format!("build log:\n{}", self.log.join("\n"))) };
        plan.chain(self.released.iter().map(View::text)).chain(log).collect::<Vec<_>>().join("\n")
    }
}

/// One line about how far a publish is; none for what is not worth a line.
pub fn progress(progress: &Progress) -> Option<String> {
    match progress {
        Progress::Step { number, of, doing } => Some(format!("{number}/{of} {doing}")),
        Progress::Line(line) => Some(line.clone()),
        Progress::Build(state) => Some(format!("build: {state}")),
        Progress::Sent(sent) => Some(format!("sent {} of {} bytes", grouped(sent.sent), grouped(sent.total))),
        _ => None,
    }
}
