//! One tensor of a safetensors file: the header, then the tensor's own bytes.

use std::ops::Range;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, serialize};

/// The first bytes: the length of the header, little-endian.
const LENGTH: u64 = 8;
/// The format's own limit of a header.
const LONGEST_HEADER: u64 = 100_000_000;

/// A tensor of 32-bit floats.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, the last dimension running fastest.
    pub values: Vec<f32>,
}

/// Reads one tensor.
///
/// # Errors
/// When there is no such tensor of floats, the file is no safetensors file, or it cannot be read; then the session's own
/// error is among the sources.
pub async fn read(store: &dyn ObjectStore, path: &Path, name: &str) -> anyhow::Result<Tensor> {
    let length: [u8; 8] =
        store.get_range(path, 0..LENGTH).await?.as_ref().try_into().context("the file is too short")?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= LONGEST_HEADER, "the header would have {length} bytes: this is no safetensors file");
    let data = LENGTH + length;
    let header: Metadata =
        serde_json::from_slice(&store.get_range(path, LENGTH..data).await?).context("the header cannot be read")?;
    let Some(tensor) = header.info(name) else {
        bail!("there is no tensor {name}; there are {}", header.offset_keys().join(", "));
    };
    ensure!(tensor.dtype == Dtype::F32, "{name} holds {:?}, not 32-bit floats", tensor.dtype);
    let (from, to) = tensor.data_offsets;
    let bytes = store.get_range(path, within(data, from..to)?).await?;
    let values = bytes.chunks_exact(4).map(|four| four.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte)));
    Ok(Tensor { shape: tensor.shape.clone(), values: values.map(f32::from_bits).collect() })
}

/// A tensor's offsets count from the end of the header.
fn within(data: u64, offsets: Range<usize>) -> anyhow::Result<Range<u64>> {
    let at = |offset| data.checked_add(u64::try_from(offset).ok()?);
    at(offsets.start).zip(at(offsets.end)).map(|(from, to)| from..to).context("the tensor lies beyond any file")
}

/// A file with two large tensors and a small one between them, `layer.1.bias`.
///
/// # Errors
/// When the file cannot be written.
pub fn sample() -> anyhow::Result<(Bytes, Tensor)> {
    let bias = Tensor { shape: vec![3, 4], values: (0_u8..12).map(|at| f32::from(at) / 4.0).collect() };
    let small: Vec<u8> = bias.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let large = vec![7; 4 * 512 * 1024];
    let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes);
    let tensors = [
        ("layer.0.weight", view(&[512, 1024], &large)?),
        ("layer.1.bias", view(&bias.shape, &small)?),
        ("layer.2.weight", view(&[512, 1024], &large)?),
    ];
    Ok((serialize(tensors, None)?.into(), bias))
}
