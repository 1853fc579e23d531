//! The list of the service's tools, asked for when it is needed and kept a while.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cube_sdk::Cube;
use cube_sdk::cloud::ToolInfo;
use tokio::sync::Mutex;

use super::bundled;

/// How long a list is good.
const FRESH: Duration = Duration::from_secs(300);
/// How long a service that gave none is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// How long a host waits for the service's list before it gets the bundled one.
const PATIENCE: Duration = Duration::from_secs(3);
/// More tools than any service has.
const MOST: usize = 1_000;

/// cube-cloud's own tools. Cheap to clone.
#[derive(Clone)]
pub struct CloudTools(Arc<Parts>);

struct Parts {
    cube: Cube,
    seen: RwLock<Seen>,
    asking: Mutex<()>,
}

#[derive(Default)]
struct Seen {
    tools: Option<Arc<[ToolInfo]>>,
    /// Until when nobody asks again.
    until: Option<Instant>,
}

impl CloudTools {
    pub(crate) fn new(cube: Cube) -> Self {
        Self(Arc::new(Parts { cube, seen: RwLock::default(), asking: Mutex::new(()) }))
    }

    /// Asks anew next time: the key is another.
    pub fn forget(&self) {
        *self.0.seen.write().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }

    /// The tools as the service lists them; the bundled list where it gives none within 3 s. When its list comes later than
    /// that, `later` is told.
    pub async fn list<F: Future<Output = ()> + Send>(
        &self,
        later: impl FnOnce() -> F + Send + 'static,
    ) -> Arc<[ToolInfo]> {
        if self.is_due() {
            let this = self.clone();
            // Goes on when the host has waited long enough.
            let mut asked = tokio::spawn(async move { this.ask().await });
            if tokio::time::timeout(PATIENCE, &mut asked).await.is_err() {
                tokio::spawn(async move {
                    if asked.await.is_ok_and(|came| came) {
                        later().await;
                    }
                });
            }
        }
        self.seen().unwrap_or_else(bundled)
    }

    /// A tool by its name: as the service last listed it, else as bundled, else asked for.
    pub async fn find(&self, name: &str) -> Option<ToolInfo> {
        let named = |tools: Arc<[ToolInfo]>| tools.iter().find(|tool| tool.name == name).cloned();
        if let Some(tool) = self.seen().and_then(named).or_else(|| named(bundled())) {
            return Some(tool);
        }
        named(self.list(|| async {}).await)
    }

    /// What the service listed, where it did.
    fn seen(&self) -> Option<Arc<[ToolInfo]>> {
        self.0.seen.read().unwrap_or_else(PoisonError::into_inner).tools.clone()
    }

    fn is_due(&self) -> bool {
        let seen = self.0.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.until.is_none_or(|until| until <= Instant::now())
    }

    /// One who asks at a time; true where a list came.
    async fn ask(&self) -> bool {
        let _turn = self.0.asking.lock().await;
        if !self.is_due() {
            return self.seen().is_some();
        }
        let asked = async { self.0.cube.cloud()?.list_tools().collect_up_to(MOST).await };
        let asked = asked.await;
        let mut seen = self.0.seen.write().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(tools) => {
                *seen = Seen { tools: Some(tools.into()), until: Some(Instant::now() + FRESH) };
                true
            }
            Err(error) => {
                tracing::debug!(%error, "cube-cloud lists no tools");
                seen.until = Some(Instant::now() + LEFT_ALONE);
                false
            }
        }
    }
}
