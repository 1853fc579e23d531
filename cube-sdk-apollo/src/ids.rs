//! Names of things, told apart by type.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

text_id! {
    /// A Palantir resource identifier: text that begins with `ri.`.
    pub struct Rid;

    /// The id of an environment.
    pub struct EnvironmentId;

    /// The id of an entity. It is unique over the whole fleet, not within one environment.
    pub struct EntityId;

    /// The id of an agent.
    pub struct AgentId;

    /// A product: `group:artifact`.
    pub struct ProductId: |text| parts(text, 2, "group:artifact");

    /// A release of a product, or a module: `group:artifact:version`.
    ///
    /// ```
    /// use cube_sdk_apollo::{MavenCoordinate, ProductId, Rid};
    ///
    /// let release = MavenCoordinate::parse("com.example:mosquitto:1.10")?;
    /// assert_eq!((release.product(), release.version()), (ProductId::parse("com.example:mosquitto")?, "1.10"));
    /// assert!(Rid::is_rid("ri.apollo.1.environment.7") && !Rid::is_rid("cube-7"));
    /// assert_eq!(Rid::new("ri.x").as_str(), "ri.x");
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    pub struct MavenCoordinate: |text| parts(text, 3, "group:artifact:version");
}

impl Rid {
    /// Does a text look like a RID (`ri.…`)? Names never do.
    pub fn is_rid(text: &str) -> bool {
        text.starts_with("ri.")
    }
}

fn parts(text: &str, count: usize, form: &str) -> Result<()> {
    let fits = text.split(':').count() == count
        && text
            .split(':')
            .all(|part| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control()));
    if fits {
        return Ok(());
    }
    Err(refused("Maven coordinate", text, format_args!("it is not `{form}`")).advice("write it as Apollo shows it"))
}

impl MavenCoordinate {
    /// The product, without the version.
    pub fn product(&self) -> ProductId {
        ProductId(self.0.rsplit_once(':').map_or(&*self.0, |(product, _)| product).into())
    }

    /// The part after the last colon.
    pub fn version(&self) -> &str {
        self.0.rsplit_once(':').map_or("", |(_, version)| version)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cube_sdk_core::ErrorKind;

    use super::*;

    #[test]
    fn coordinates_are_checked() {
        let release = MavenCoordinate::parse("com.x:app:1.10.0").unwrap();
        assert_eq!((release.product().as_str(), release.version()), ("com.x:app", "1.10.0"));
        for bad in ["", "a", "a:", "a:b:c:d", "a b:c:d", ":b:c"] {
            assert_eq!(MavenCoordinate::parse(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        assert!(ProductId::parse("a:b").is_ok());
        assert!(ProductId::parse("a:b:c").is_err());
        assert!(serde_json::from_str::<ProductId>("\"nope\"").is_err());
    }
}
