//! Files and directories that only their owner reads.

use std::fs::{DirBuilder, OpenOptions};

/// Opens as `options` says; a file that is made so is its owner's alone (mode 0600 on Unix; elsewhere what the directory
/// hands down).
///
/// ```
/// use std::fs::OpenOptions;
/// use cube_sdk_core::private_file;
/// # let dir = std::env::temp_dir().join(format!("private-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// private_file::options(OpenOptions::new().write(true).create(true)).open(dir.join("token"))?;
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn options(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes directories as `builder` says, of their owner alone (mode 0700 on Unix).
pub fn directory(builder: &mut DirBuilder) -> &mut DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::DirBuilder;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_may_read_what_is_made() {
        let dir = std::env::temp_dir().join(format!("private-file-{}", std::process::id()));
        directory(DirBuilder::new().recursive(true)).create(&dir).unwrap();
        let file = options(OpenOptions::new().write(true).create(true)).open(dir.join("token")).unwrap();
        let mode = |meta: std::fs::Metadata| meta.permissions().mode() & 0o777;
        assert_eq!((mode(file.metadata().unwrap()), mode(std::fs::metadata(&dir).unwrap())), (0o600, 0o700));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
