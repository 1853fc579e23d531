//! A part of an object is read, not the object, and each read has its row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use cube_sdk::byo::{ByoCode, ByoErrorExt};
use object_store::path::Path;
use object_store_examples::customer::Customer;
use object_store_examples::{column, tensor};

/// How many bytes were promised to the reads.
fn read(customer: &Customer) -> u64 {
    let rows = customer.reads();
    assert!(rows.iter().all(|row| row.aws_request_id.is_some()));
    rows.iter().filter_map(|row| row.bytes_read).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_column_of_a_parquet_file() {
    let customer = Customer::start().await.unwrap();
    let path = Path::from("t/scores.parquet");
    let size = customer.put(&path, column::sample(20_000).unwrap()).unwrap();
    let scores = column::read(customer.store(), path.clone(), "score").await.unwrap();
    assert_eq!(scores, (0..20_000).map(column::score).collect::<Vec<_>>());
    // The footer that is asked for, and four pages of scores.
    let read = read(&customer);
    assert!(read < (64 << 10) + 5 * 20_000 + 4096, "{read} of {size} bytes");
    assert!(read < size / 10, "{read} of {size} bytes");

    let missing = column::read(customer.store(), path, "nobody").await.unwrap_err();
    assert!(missing.to_string().contains("no column nobody"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tensor_of_a_safetensors_file() {
    let customer = Customer::start().await.unwrap();
    let path = Path::from("t/head.safetensors");
    let (file, bias) = tensor::sample().unwrap();
    let size = customer.put(&path, file).unwrap();
    assert_eq!(tensor::read(&customer.store(), &path, "layer.1.bias").await.unwrap(), bias);
    let (read, rows) = (read(&customer), customer.reads().len());
    assert!(read < 1024 && rows == 3, "{read} of {size} bytes in {rows} reads");

    let other = tensor::read(&customer.store(), &path, "layer.9").await.unwrap_err();
    assert!(other.to_string().contains("layer.0.weight"), "{other}");
    for broken in
        [&b""[..], b"1234567", b"\xff\xff\xff\xff\xff\xff\xff\xff{}", b"\x02\0\0\0\0\0\0\0[]", b"\x10\0\0\0\0\0\0\0{}"]
    {
        customer.put(&path, Bytes::from_static(broken)).unwrap();
        assert!(tensor::read(&customer.store(), &path, "x").await.is_err(), "{broken:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_own_error_is_among_the_sources() {
    let customer = Customer::start().await.unwrap();
    let path = Path::from("no/such");
    for error in [
        column::read(customer.store(), path.clone(), "score").await.unwrap_err(),
        tensor::read(&customer.store(), &path, "x").await.unwrap_err(),
    ] {
        let ours = error.chain().find_map(|cause| cause.downcast_ref::<cube_sdk::Error>());
        let code = ours.and_then(|error| error.byo()).map(|fault| fault.code().clone());
        assert_eq!(code, Some(ByoCode::ObjectNotFound), "{error:?}");
    }
}
