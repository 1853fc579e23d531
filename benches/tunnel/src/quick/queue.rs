//! What the ends before and behind a line hold unsent, as the system tells.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};

/// Bytes written to the line's sockets and not taken by them, from the near and from the far side: the line takes
/// what it has room for at once, so that they are those that were sent too early.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Held {
    pub(super) up: u64,
    pub(super) down: u64,
}

/// Reads the system's table. `line` is where the line listens, `behind` where it leads to.
pub(super) fn held(line: SocketAddr, behind: SocketAddr) -> Result<Held> {
    of(&std::fs::read_to_string("/proc/net/tcp")?, line.port(), behind.port())
}

fn of(table: &str, line: u16, behind: u16) -> Result<Held> {
    let mut held = Held::default();
    for row in table.lines().skip(1) {
        let mut fields = row.split_whitespace().skip(1);
        let mut port = || {
            let (_, port) = fields.next()?.rsplit_once(':')?;
            u16::from_str_radix(port, 16).ok()
        };
        let (local, remote) = (port().context("no local port")?, port().context("no remote port")?);
        let (state, queues) = (fields.next().context("no state")?, fields.next().context("no queues")?);
        // Those that listen count connections there.
        if state == "0A" {
            continue;
        }
        let (unsent, _) = queues.split_once(':').context("odd queues")?;
        let unsent = u64::from_str_radix(unsent, 16)?;
        held.up += if remote == line { unsent } else { 0 };
        held.down += if local == behind { unsent } else { 0 };
    }
    Ok(held)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_read_off_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000005:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:C350 0100007F:1F90 01 00000100:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:1F90 0100007F:C350 01 00000007:00000000 00:00000000 00000000     0        0 3 1
   3: 0100007F:0050 0100007F:C351 01 00001000:00000020 00:00000000 00000000     0        0 4 1";
        assert_eq!(of(table, 8080, 80).unwrap(), Held { up: 256, down: 4096 });
        assert!(of("head\n what is this", 1, 2).is_err());
    }
}
