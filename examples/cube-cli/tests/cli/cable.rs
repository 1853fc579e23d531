//! A way to a service that can be cut and mended.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Cable {
    address: SocketAddr,
    whole: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    /// To the service at this URL.
    pub fn to(url: &str) -> Self {
        let target = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, streams) = (Arc::new(AtomicBool::new(true)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (open, kept) = (Arc::clone(&whole), Arc::clone(&streams));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let mut kept = kept.lock().unwrap();
                // Looked at under the lock: whatever is kept is cut.
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                kept.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                carry(near.try_clone().unwrap(), far.try_clone().unwrap());
                carry(far, near);
            }
        });
        Self { address, whole, streams }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends every connection, and each that comes.
    pub fn cut(&mut self) {
        let mut streams = self.streams.lock().unwrap();
        self.whole.store(false, Ordering::SeqCst);
        for stream in streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&mut self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        while let Ok(read) = from.read(&mut bytes) {
            if read == 0 || to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
