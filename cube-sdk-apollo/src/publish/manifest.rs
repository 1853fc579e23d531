//! The document that describes a release to Apollo.

use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{ChartName, ChartVersion, RegistryHost, Repository, Tag};
use crate::entity_config::TopLevel;

/// A release of a chart, as Apollo reads it.
///
/// ```
/// use cube_sdk_apollo::publish::{ChartName, ChartVersion, ReleaseManifest, RegistryHost, Repository};
///
/// let manifest = ReleaseManifest::new(
///     "com.example",
///     &ChartName::parse("web")?,
///     &ChartVersion::parse("1.4.2")?,
///     &RegistryHost::parse("registry.example")?,
///     &Repository::parse("charts/com.example/web")?,
/// );
/// let text = manifest.image("registry.example/com.example/web:1.4.2").to_yaml()?;
/// assert!(text.contains("helm-repository-url: \"oci://registry.example/charts/com.example/web\"\n"));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseManifest {
    group: String,
    chart: ChartName,
    version: ChartVersion,
    place: String,
    image: Option<String>,
}

impl ReleaseManifest {
    /// Of a chart that is in a repository.
    pub fn new(
        group: impl Into<String>,
        chart: &ChartName,
        version: &ChartVersion,
        host: &RegistryHost,
        repository: &Repository,
    ) -> Self {
        let place = format!("{host}/{repository}");
        Self { group: group.into(), chart: chart.clone(), version: version.clone(), place, image: None }
    }

    /// With the image that was built for it, `host/repository:tag`.
    #[must_use]
    pub fn image(mut self, reference: impl Into<String>) -> Self {
        self.image = Some(reference.into());
        self
    }

    /// The document. Apollo takes no release without `extensions.artifacts`.
    ///
    /// # Errors
    /// `InvalidInput` where a name makes no tag or no document.
    pub fn to_yaml(&self) -> Result<String> {
        let quoted = |text: &str| Value::from(text).to_string();
        let (group, name, version) = (quoted(&self.group), quoted(self.chart.as_str()), quoted(self.version.as_str()));
        let artifact = format!("{}:{}", self.place, Tag::parse(&self.version.tag())?);
        let artifacts: Vec<String> = [Some(artifact), self.image.clone()].into_iter().flatten().collect();
        let mut text = format!(
            "manifest-version: \"1.0\"\nproduct-type: helm-chart.v1\nproduct-group: {group}\nproduct-name: {name}\n\
             product-version: {version}\nextensions:\n  artifacts:\n"
        );
        for artifact in &artifacts {
            text.push_str(&format!("    - type: oci\n      uri: {}\n", quoted(artifact)));
        }
        let url = format!("oci://{}", self.place);
        text.push_str(&format!(
            "  helm-chart:\n    helm-chart-name: {name}\n    helm-chart-version: {version}\n    helm-repository-url: {}\n",
            quoted(&url)
        ));
        let artifacts: Vec<_> = artifacts.iter().map(|uri| json!({ "type": "oci", "uri": uri })).collect();
        let meant = json!({
            "manifest-version": "1.0", "product-type": "helm-chart.v1", "product-group": self.group,
            "product-name": self.chart, "product-version": self.version,
            "extensions": {
                "artifacts": artifacts,
                "helm-chart": {
                    "helm-chart-name": self.chart, "helm-chart-version": self.version, "helm-repository-url": url,
                },
            },
        });
        if TopLevel::read(&text).and_then(|top| top.value()) != Some(meant) {
            return Err(Error::new(ErrorKind::InvalidInput, "the manifest would not read as meant"));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_document_is_that_of_the_facts() {
        let manifest = ReleaseManifest::new(
            "com.edgescaleai-cube",
            &"web".parse().unwrap(),
            &"1.4.2+b".parse().unwrap(),
            &"registry.example".parse().unwrap(),
            &"charts/com.edgescaleai-cube/web".parse().unwrap(),
        );
        let text = manifest.clone().image("registry.example/com.edgescaleai-cube/web:7").to_yaml().unwrap();
        let wanted = "manifest-version: \"1.0\"
product-type: helm-chart.v1
product-group: \"com.edgescaleai-cube\"
product-name: \"web\"
product-version: \"1.4.2+b\"
extensions:
  artifacts:
    - type: oci
      uri: \"registry.example/charts/com.edgescaleai-cube/web:1.4.2_b\"
    - type: oci
      uri: \"registry.example/com.edgescaleai-cube/web:7\"
  helm-chart:
    helm-chart-name: \"web\"
    helm-chart-version: \"1.4.2+b\"
    helm-repository-url: \"oci://registry.example/charts/com.edgescaleai-cube/web\"
";
        assert_eq!(text, wanted);
        assert_eq!(manifest.to_yaml().unwrap().matches("- type: oci").count(), 1);
        let odd = ReleaseManifest { group: "a\"\n: #\u{1f600}".into(), ..manifest };
        assert!(odd.to_yaml().is_ok(), "whatever stands in it, it reads as meant");
    }
}
