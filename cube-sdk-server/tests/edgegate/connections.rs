//! A valid key keeps its connection; a body that does not come is refused in the service's own words.

use std::time::Duration;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::listener::Limits;
use cube_sdk_server::local::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{GRANTS, world};

async fn connect(world: &World) -> TcpStream {
    let address = world.card().edgegate.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Sends a request and reads its answer to the end of the body.
async fn ask(stream: &mut TcpStream, method: &str, path: &str, key: &str, rest: &str) -> std::io::Result<String> {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{rest}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut seen = Vec::new();
    while !is_whole(&String::from_utf8_lossy(&seen)) {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8(seen).unwrap())
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() == length.parse::<usize>().unwrap()
}

#[tokio::test]
async fn strangers_and_wrong_keys_give_way_to_a_valid_key() {
    let world = world().await.limits(Limits::default().connections(3)).start().await.unwrap();
    let key = world.card().edgegate.api_key.expose_secret();
    let mut owner = connect(&world).await;
    assert!(ask(&mut owner, "GET", "/v1/workspaces", key, "").await.unwrap().starts_with("HTTP/1.1 200"));
    let mut wrong = connect(&world).await;
    assert!(ask(&mut wrong, "GET", "/v1/workspaces", "egk_live_wrong", "").await.unwrap().starts_with("HTTP/1.1 401"));
    let mut crowd = Vec::new();
    for _ in 0..10 {
        crowd.push(connect(&world).await);
    }
    // The last of the crowd is served, so the others have come and gone.
    let last = crowd.last_mut().unwrap();
    assert!(ask(last, "GET", "/v1/workspaces", key, "").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&mut wrong, "GET", "/v1/workspaces", key, "").await.is_err(), "a wrong key is a stranger's");
    assert!(ask(&mut owner, "GET", "/v1/workspaces", key, "").await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_unsent_body_with_a_key_is_a_408() {
    let limits = Limits::default().body(Duration::from_millis(300), 1000);
    let world = world().await.limits(limits).start().await.unwrap();
    let key = world.card().edgegate.api_key.expose_secret();
    let path = format!("/v1/workspaces/{}{GRANTS}", world.card().edgegate.workspace);
    let mut stream = connect(&world).await;
    let answer = ask(&mut stream, "POST", &path, key, "Content-Length: 50\r\n").await.unwrap();
    // The connection ends with it: what would follow could not be told from the body.
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.ends_with("{\"detail\":\"the body did not come on\"}"), "{answer}");
    let mut stream = connect(&world).await;
    let answer = ask(&mut stream, "POST", &path, key, "Content-Length: 9000000\r\n").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "too long, or not sent: {answer}");
}
