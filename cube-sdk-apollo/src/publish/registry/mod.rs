//! An OCI registry: charts pushed, pulled and compared.
//!
//! ```
//! # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! # let double = Double::start(Guard::Token("ci".into(), "a password".into())).await.unwrap();
//! # let host = double.host();
//! use cube_sdk_apollo::publish::{Chart, Registry, RegistryHost, Repository, Tag};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let (folder, out) = (folder.path().join("web"), folder.path());
//! # std::fs::create_dir_all(&folder).unwrap();
//! # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
//! let registry = Registry::builder(RegistryHost::parse(&host)?)
//!     .plain_http() // this machine only; https elsewhere
//!     .user("ci", "a password".to_owned().into()) // else as `docker login` and `helm registry login` left it
//!     .build()?;
//! let repository = Repository::parse("charts/com.example/web")?;
//! let package = Chart::find(Some(&folder))?.contents()?.package(out)?;
//!
//! let pushed = registry.push_chart(&repository, &package).progress(|at| println!("{} bytes", at.sent)).await?;
//! assert_eq!((pushed.tag.as_str(), pushed.existed), ("1.4.2", false));
//! assert!(registry.push_chart(&repository, &package).overwrite().await?.existed);
//! assert_eq!(registry.verify_chart(&repository, &package).await?, pushed.manifest);
//!
//! let pulled = registry.pull_chart(&repository, &Tag::parse("1.4.2")?, &out.join("pulled")).await?;
//! assert_eq!((pulled.layer, pulled.path), (package.digest().clone(), out.join("pulled/web-1.4.2.tgz")));
//! let blob = registry.push_file(&repository, package.path()).await?;
//! assert_eq!(&blob, package.digest());
//! assert_eq!(registry.host().as_str(), host);
//! # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
//! ```

mod artifact;
mod blob;
mod challenge;
mod client;
mod docker_config;
mod login;
mod pull;
mod push;
mod reference;
mod rules;
mod session;

use super::Digest;
pub(in crate::publish) use blob::file_upload;
pub use client::{Registry, RegistryBuilder};
use login::Login;
pub use pull::PulledChart;
pub use push::{PushChart, PushedChart, Sent};
pub use reference::{RegistryHost, Repository, Tag};
