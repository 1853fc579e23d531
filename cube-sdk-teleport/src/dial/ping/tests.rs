#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn framed(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for payload in payloads {
        wire.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
        wire.extend_from_slice(payload);
    }
    wire
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_gives_the_same_bytes(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        cuts in prop::collection::vec(1usize..9, 1..200),
    ) {
        let wire = framed(&payloads);
        let mut decoder = PingDecoder::default();
        let (mut out, mut rest, mut cuts) = (Vec::new(), wire.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (mut piece, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            rest = later;
            while !piece.is_empty() {
                out.extend_from_slice(decoder.decode(&mut piece));
            }
        }
        prop_assert_eq!(out, payloads.concat());
        prop_assert!(decoder.at_boundary());
        prop_assert_eq!(decoder.pings(), payloads.iter().filter(|payload| payload.is_empty()).count() as u64);
    }

    #[test]
    fn garbage_never_panics_and_is_used_up(wire in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut decoder, mut input, mut out) = (PingDecoder::default(), wire.as_slice(), 0);
        while !input.is_empty() {
            out += decoder.decode(&mut input).len();
        }
        prop_assert!(out <= wire.len());
    }

    #[test]
    fn two_streams_talk_byte_for_byte(
        data in prop::collection::vec(any::<u8>(), 0..2_000),
        repeat in 1usize..60,
        room in prop_oneof![13usize..100, 1_000usize..70_000],
    ) {
        let data = data.repeat(repeat);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let heard = runtime.block_on(async {
            let (near, far) = tokio::io::duplex(room);
            let (mut near, mut far) = (PingStream::new(near), PingStream::new(far));
            let mut heard = Vec::new();
            let (sent, got) = tokio::join!(
                async {
                    near.write_all(&data).await?;
                    near.shutdown().await
                },
                far.read_to_end(&mut heard),
            );
            sent.and(got).map(|_| heard).unwrap()
        });
        prop_assert_eq!(heard, data);
    }
}

#[tokio::test]
async fn an_end_within_a_frame_is_an_error() {
    for cut in [2, 6] {
        let wire = framed(&[b"hello".to_vec()]);
        let mut stream = PingStream::new(io::Cursor::new(wire[..cut].to_vec()));
        let mut heard = Vec::new();
        let error = stream.read_to_end(&mut heard).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "cut at {cut}");
    }
}

#[tokio::test]
async fn nothing_is_never_sent_as_a_frame() {
    let (near, mut far) = tokio::io::duplex(64);
    let mut near = PingStream::new(near);
    assert_eq!(near.write(b"").await.unwrap(), 0);
    near.write_all(b"x").await.unwrap();
    near.shutdown().await.unwrap();
    drop(near);
    let mut wire = Vec::new();
    far.read_to_end(&mut wire).await.unwrap();
    assert_eq!(wire, [0, 0, 0, 1, b'x']);
}

#[tokio::test(start_paused = true)]
async fn pings_keep_a_quiet_flow_and_silence_ends_it() {
    let (near, mut far) = tokio::io::duplex(64);
    let mut near = PingStream::new(near);
    let begun = Instant::now();
    let pinging = async {
        for _ in 0..10 {
            sleep(Duration::from_secs(30)).await;
            far.write_u32(0).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let mut byte = [0];
    let error = tokio::select! {
        outcome = near.read(&mut byte) => outcome.unwrap_err(),
        () = pinging => unreachable!("it waits for ever"),
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(begun.elapsed().as_secs(), 300 + SILENCE.as_secs());
    assert_eq!(near.pings(), 10);
}
