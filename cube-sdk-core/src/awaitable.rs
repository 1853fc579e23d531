//! Requests and waits are values that are sent when they are awaited.

use std::future::Future;
use std::pin::Pin;

/// What an awaitable value turns into.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Lets a builder be awaited: through its own `async fn send(self) -> Result<Output>`, or another method that is
/// named. The future is boxed and `Send`: a builder's own state may be kilobytes.
///
/// ```
/// use cube_sdk_core::{Result, awaitable};
///
/// struct Add(u32, u32);
///
/// impl Add {
///     async fn sum(self) -> Result<u32> {
///         Ok(self.0 + self.1)
///     }
/// }
///
/// awaitable! {
///     /// Adds up.
///     Add => u32, sum
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(Add(1, 2).await?, 3);
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
///
/// Parameters of a generic builder stand in front: `awaitable!([T: Send + 'static] Read<T> => T)`.
#[macro_export]
macro_rules! awaitable {
    (@one ($($doc:tt)*) ($($parameters:tt)*) $builder:ty, $output:ty, $send:ident) => {
        impl<$($parameters)*> ::std::future::IntoFuture for $builder {
            type Output = $crate::error::Result<$output>;
            type IntoFuture = $crate::awaitable::Boxed<Self::Output>;

            $($doc)*
            fn into_future(self) -> Self::IntoFuture {
                ::std::boxed::Box::pin(self.$send())
            }
        }
    };
    ($(#[$doc:meta])* [$($parameters:tt)*] $builder:ty => $output:ty) => {
        $crate::awaitable! { @one ($(#[$doc])*) ($($parameters)*) $builder, $output, send }
    };
    ($(#[$doc:meta])* [$($parameters:tt)*] $builder:ty => $output:ty, $send:ident) => {
        $crate::awaitable! { @one ($(#[$doc])*) ($($parameters)*) $builder, $output, $send }
    };
    ($(#[$doc:meta])* $builder:ty => $output:ty) => {
        $crate::awaitable! { @one ($(#[$doc])*) () $builder, $output, send }
    };
    ($(#[$doc:meta])* $builder:ty => $output:ty, $send:ident) => {
        $crate::awaitable! { @one ($(#[$doc])*) () $builder, $output, $send }
    };
}
