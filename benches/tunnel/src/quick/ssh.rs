//! `ssh -L`: one TCP for all streams. A server of its own, without rights, with keys made for the run.

use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use super::ways::{Way, line};
use crate::peers::executable;
use crate::process::{Peer, free_address, listening};

/// Who the server is when it is started by root: somebody without rights.
const NOBODY: u32 = 65_534;

async fn key(file: &Path) -> Result<()> {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).stdin(Stdio::null());
    ensure!(keygen.status().await.context("could not start ssh-keygen")?.success(), "ssh-keygen failed");
    Ok(())
}

/// The server wants to be called by its full path. Debian keeps it where no `PATH` of a user looks.
fn server() -> Result<Option<PathBuf>> {
    let usual = PathBuf::from("/usr/sbin/sshd");
    if usual.is_file() {
        return Ok(Some(usual));
    }
    Ok(executable("sshd", "apt-get install openssh-server")?.map(std::path::absolute).transpose()?)
}

pub(super) async fn start(target: SocketAddr, mbit: u32) -> Result<Option<Way>> {
    let (Some(sshd), Some(ssh)) = (server()?, executable("ssh", "apt-get install openssh-client")?) else {
        return Ok(None);
    };
    let files = tempfile::tempdir()?;
    let dir = files.path();
    let (host, own, allowed) = (dir.join("host"), dir.join("own"), dir.join("allowed"));
    key(&host).await?;
    key(&own).await?;
    std::fs::copy(dir.join("own.pub"), &allowed)?;
    let (at, near) = (free_address().await?, free_address().await?);
    let config = dir.join("sshd_config");
    std::fs::write(
        &config,
        format!(
            "ListenAddress {}\nPort {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM yes\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nAllowTcpForwarding yes\nUseDNS no\n",
            at.ip(),
            at.port(),
            host.display(),
            allowed.display()
        ),
    )?;
    let id = std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own))?;
    let mut command = Command::new(sshd);
    command.arg("-D").arg("-f").arg(&config);
    let user = if id == 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755))?;
        chown(&host, Some(NOBODY), Some(NOBODY))?;
        command.uid(NOBODY).gid(NOBODY);
        "nobody".to_owned()
    } else {
        String::from_utf8(Command::new("id").arg("-un").output().await?.stdout)?.trim().to_owned()
    };
    let server = listening(command, at).await?;
    let (child, line) = line(at, mbit).await?;
    let mut command = Command::new(ssh);
    command.args(["-N", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    command.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ExitOnForwardFailure=yes", "-i"]).arg(&own);
    command.arg("-L").arg(format!("{near}:{target}")).arg("-p").arg(line.port().to_string());
    command.arg(format!("{user}@{}", line.ip()));
    let client = listening(command, near).await?;
    let peer = Peer::new(near, vec![server, client]).beside(vec![child]).with_files(files);
    Ok(Some(Way { peer, line, behind: at }))
}
