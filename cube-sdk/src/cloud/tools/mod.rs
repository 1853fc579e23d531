//! A method for each tool, with its arguments and the data of its answer.

mod arguments;
mod builds;
mod environments;
mod kubernetes;
mod products;
mod shapes;

pub use super::published::reads_only;
pub use arguments::Answer;
pub use builds::{AcrGetToken, ApolloPublishManifest, BuildImagePrepare, BuildImageStart, BuildImageStatus};
pub use environments::{
    CancelActivePlan, CreateEnvironment, CreateSecret, DeleteEnvironment, EnforceEntityConfig, EntityHealth,
    InstallEntity, InstallModule, ListEnvironments, ListModules, PlanDetails, ReplicateEnvironment,
    ResetEnvironmentAgents, UninstallEntity, UninstallModule, UpdateEntityConfig, UpdateModuleVariables, UpdateSecret,
};
pub use kubernetes::{AppList, CubeClusterLogin, CubeList, CubeStatus, KubectlExec, ListServices};
pub use products::{
    AddProductToReleaseChannel, CompareProductVersions, GetProductReleases, ListChangeRequests, ListProducts,
    ListReleaseChannels, RemoveLabelFromProduct, RemoveProductFromReleaseChannel, ReviewChangeRequest,
    SetLabelOnProduct,
};
pub use shapes::*;

/// What an argument is taken as.
macro_rules! taken {
    (text) => { impl Into<String> };
    (number) => { u32 };
    (flag) => { bool };
    (object) => { impl Into<serde_json::Value> };
    (names) => { impl IntoIterator<Item = impl Into<String>> };
    (secret) => { cube_sdk_core::SecretString };
    (secrets) => { impl IntoIterator<Item = (impl Into<String>, cube_sdk_core::SecretString)> };
}

/// An argument as an example shows it: a text is its own name.
macro_rules! shown {
    ($need:ident text) => {
        concat!("\"", stringify!($need), "\"")
    };
    ($need:ident number) => {
        "1"
    };
    ($need:ident flag) => {
        "true"
    };
    ($need:ident object) => {
        "serde_json::json!({})"
    };
    ($need:ident names) => {
        concat!("[\"", stringify!($need), "\"]")
    };
    ($need:ident secret) => {
        concat!("\"", stringify!($need), "\".into()")
    };
    ($need:ident secrets) => {
        concat!("[(\"", stringify!($need), "\", \"…\".into())]")
    };
}

/// Arguments as an example shows them.
macro_rules! listed {
    () => { "" };
    ($need:ident $form:ident) => { crate::cloud::tools::shown!($need $form) };
    ($need:ident $form:ident, $($more:tt)+) => {
        concat!(crate::cloud::tools::shown!($need $form), ", ", crate::cloud::tools::listed!($($more)+))
    };
}

/// A table of tools: `method Builder (needed: form, …) { optional: form, … } reads|writes -> Data;`. It makes the method, the
/// builder that is awaited.
macro_rules! tools {
    ($(
        $(#[$doc:meta])*
        $method:ident $builder:ident ($($need:ident: $need_form:ident),* $(,)?)
            { $($(#[$option_doc:meta])* $option:ident: $option_form:ident,)* } $effect:ident -> $data:ident;
    )*) => {
        impl crate::cloud::Cloud {
            $(
                $(#[$doc])*
                pub fn $method(&self, $($need: taken!($need_form)),*) -> $builder {
                    #[allow(unused_mut, reason = "some tools need no argument")]
                    let mut arguments = super::arguments::Arguments::new(self, stringify!($method));
                    $(arguments.$need_form(stringify!($need), $need);)*
                    $builder(arguments)
                }
            )*
        }

        $(
            #[doc = concat!("A call of the tool `", stringify!($method), "`; await it, or stream it.")]
            ///
            /// ```
            /// use cube_sdk::cloud::Cloud;
            ///
            /// let cloud = Cloud::builder().base_url("https://cube.example").api_key("cube_example".into()).build()?;
            #[doc = concat!(
                "let call = cloud.", stringify!($method), "(",
                crate::cloud::tools::listed!($($need $need_form),*), "); // `.await?` sends it"
            )]
            /// # drop(call);
            /// # Ok::<(), cube_sdk::Error>(())
            /// ```
            #[must_use = "a tool is called when the call is awaited or streamed"]
            #[derive(Debug)]
            pub struct $builder(super::arguments::Arguments);

            impl $builder {
                $(
                    $(#[$option_doc])*
                    pub fn $option(mut self, $option: taken!($option_form)) -> Self {
                        self.0.$option_form(stringify!($option), $option);
                        self
                    }
                )*

                /// Tells how far the call is while it works; see [`CallTool::stream`](crate::cloud::CallTool::stream).
                pub fn stream(self) -> crate::cloud::ToolStream {
                    self.0.stream()
                }

                async fn send(self) -> cube_sdk_core::Result<super::Answer<super::$data>> {
                    self.0.send().await
                }
            }

            cube_sdk_core::awaitable! {
                /// Calls the tool.
                ///
                /// # Errors
                /// As [`CallTool`](crate::cloud::CallTool); `InvalidInput` for arguments that are refused before
                /// anything is sent.
                $builder => super::Answer<super::$data>
            }
        )*
    };
}

use {listed, shown, taken, tools};
