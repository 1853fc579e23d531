//! The seam to a browser.

use cube_sdk_core::Result;
use url::Url;

/// Opens a page in a browser. Closures are openers: `|url: &Url| …`. It must not wait until the browser ends.
pub trait Opener: Send + 'static {
    /// Opens the page. A failure does not end the login: the page can be opened by hand.
    ///
    /// # Errors
    /// Whatever kept it from being opened.
    fn open(&mut self, page: &Url) -> Result<()>;
}

impl<F: FnMut(&Url) -> Result<()> + Send + 'static> Opener for F {
    fn open(&mut self, page: &Url) -> Result<()> {
        self(page)
    }
}

/// The system's browser, with feature `webbrowser`.
#[cfg(feature = "webbrowser")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemBrowser;

#[cfg(feature = "webbrowser")]
impl Opener for SystemBrowser {
    fn open(&mut self, page: &Url) -> Result<()> {
        webbrowser::open(page.as_str()).map_err(|cause| cube_sdk_core::Error::io("opening the browser", cause))
    }
}
