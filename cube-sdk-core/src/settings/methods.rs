//! The same methods for the same things, in every builder.

/// The methods of [`Settings`](crate::settings::Settings) for a builder that holds one as `self.settings`. Goes into its
/// `impl`.
///
/// ```
/// use cube_sdk_core::settings::Settings;
///
/// /// The settings of a client.
/// #[must_use]
/// #[derive(Default)]
/// pub struct ClientBuilder {
///     settings: Settings,
/// }
///
/// impl ClientBuilder {
///     cube_sdk_core::settings_methods!();
/// }
///
/// let builder = ClientBuilder::default().application("fleet-console", "1.4.2");
/// assert!(builder.settings.ground()?.user_agent().starts_with("fleet-console/1.4.2 "));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[macro_export]
macro_rules! settings_methods {
    () => {
        /// All of the settings that every domain takes, in place of those set before.
        pub fn settings(mut self, settings: $crate::settings::Settings) -> Self {
            self.settings = settings;
            self
        }

        /// These variables in place of the process's own. What is set in code wins over them, whatever the order.
        pub fn environment(mut self, environment: impl ::core::convert::Into<$crate::config::Environment>) -> Self {
            self.settings = self.settings.environment(environment);
            self
        }

        /// What carries HTTP requests, in place of an HTTP client of the SDK's own. Where a domain connects by itself
        /// (S3, STS, tunnels) it takes no notice of it.
        pub fn transport(mut self, transport: $crate::transport::SharedTransport) -> Self {
            self.settings = self.settings.transport(transport);
            self
        }

        /// HTTP proxies. Default: as the environment says.
        pub fn proxy(mut self, proxy: $crate::settings::ProxySetting) -> Self {
            self.settings = self.settings.proxy(proxy);
            self
        }

        /// Trusts a private authority beside the operating system's, in place of the one of `CUBE_CA_FILE`.
        pub fn extra_ca(mut self, roots: $crate::transport::RootCertificates) -> Self {
            self.settings = self.settings.extra_ca(roots);
            self
        }

        /// How long DNS, TCP and TLS may take together.
        pub fn connect_timeout(mut self, limit: ::core::time::Duration) -> Self {
            self.settings = self.settings.connect_timeout(limit);
            self
        }

        /// The program's name and version, for the user agent. Each is an HTTP token; others are refused when the client
        /// is built.
        pub fn application(
            mut self,
            name: impl ::core::convert::Into<::std::string::String>,
            version: impl ::core::convert::Into<::std::string::String>,
        ) -> Self {
            self.settings = self.settings.application(name, version);
            self
        }

        /// Retry policy and budget.
        pub fn retrier(mut self, retrier: $crate::retry::Retrier) -> Self {
            self.settings = self.settings.retrier(retrier);
            self
        }

        /// The clocks of each call, in place of the domain's own.
        pub fn clocks(mut self, clocks: $crate::engine::Clocks) -> Self {
            self.settings = self.settings.clocks(clocks);
            self
        }

        /// The clock that decides what has expired. Default: this machine's.
        pub fn clock(mut self, clock: $crate::clock::Clock) -> Self {
            self.settings = self.settings.clock(clock);
            self
        }

        /// Adds a middleware inside those added before.
        pub fn middleware(mut self, middleware: ::std::sync::Arc<dyn $crate::transport::Middleware>) -> Self {
            self.settings = self.settings.middleware(middleware);
            self
        }

        /// Which trace requests belong to. Default: none is told.
        pub fn trace_context(mut self, context: ::std::sync::Arc<dyn $crate::settings::TraceContext>) -> Self {
            self.settings = self.settings.trace_context(context);
            self
        }

        /// Lets secrets go over `http://` and `ws://` to other machines, for everyone on the way to read. Without it
        /// such URLs are refused; this machine itself is always allowed.
        pub fn danger_allow_clear_text(mut self) -> Self {
            self.settings = self.settings.danger_allow_clear_text();
            self
        }
    };
}
