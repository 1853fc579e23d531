//! What the tunnel takes from aws-lc-rs. Masks are drawn from a fixed sequence, so that a finding repeats.

pub mod rand {
    /// Always the same bytes.
    pub fn fill(bytes: &mut [u8]) -> Result<(), std::convert::Infallible> {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (at as u8).wrapping_mul(97).wrapping_add(31);
        }
        Ok(())
    }
}

pub mod digest {
    use sha1::Digest as _;

    pub struct Algorithm;

    pub static SHA1_FOR_LEGACY_USE_ONLY: Algorithm = Algorithm;

    pub struct Context(sha1::Sha1);

    impl Context {
        pub fn new(_: &Algorithm) -> Self {
            Self(sha1::Sha1::new())
        }

        pub fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        pub fn finish(self) -> [u8; 20] {
            self.0.finalize().into()
        }
    }
}
