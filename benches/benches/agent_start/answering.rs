//! A cube-cloud that answers every call of a tool at once.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Where it is.
pub(crate) fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

/// One request of a connection.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            break body.to_owned();
        }
    };
    let id = body.split("\"id\":").nth(1)?.split([',', '}']).next()?.to_owned();
    let result = "{\"content\":[{\"type\":\"text\",\"text\":\"none\"}],\"isError\":false}";
    let reply = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{reply}", reply.len()).ok()
}

fn length(head: &str) -> usize {
    let named = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = named.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
}
