//! The service as a process of its own, with runs that read one small object again and again.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use cube_sdk_byo::Storage;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, EdgeGateService, Model};
use cube_sdk_server::listener::{Limits, Listener};
use cube_sdk_server::store::{EdgeGateStore, Store};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::process::listening;

/// Where the process is told its database.
pub(crate) const DATABASE: &str = "EDGEGATE_LOAD_DB";
/// Reads of one run that are under way at once.
const AT_ONCE: usize = 16;

/// Reads until it is cancelled: each read has a row.
struct Reads;

#[async_trait]
impl CellExecutor for Reads {
    async fn execute(&self, _: &Cell, model: &Model) -> cube_sdk_core::Result<CellReport> {
        let read = |()| async move {
            let mut bytes = model.open().await?;
            while bytes.try_next().await?.is_some() {}
            Ok(())
        };
        let reads = stream::repeat(()).map(read).buffer_unordered(AT_ONCE);
        reads.try_for_each(|()| async { Ok(()) }).await.map(|()| CellReport::default())
    }
}

pub(crate) async fn serve() -> Result<()> {
    let place: SecretString = std::env::var(DATABASE).context(DATABASE)?.into();
    let store: EdgeGateStore = match place.expose_secret() {
        url if url.starts_with("postgres://") => EdgeGateStore::postgres(&place).await?,
        path => Store::open(path.as_ref()).await?.into(),
    };
    let service = EdgeGateService::builder(store, Storage::builder().build()?).executor(Reads).start().await?;
    let limits = Limits::default().connections(2_000).per_client(2_000);
    let listener = Listener::bind_with((Ipv4Addr::LOCALHOST, 0).into(), service.router(), limits).await?;
    listening(listener.address()).await?;
    service.shutdown(Duration::ZERO).await;
    Ok(())
}
