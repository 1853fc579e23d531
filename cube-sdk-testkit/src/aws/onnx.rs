//! A small but real ONNX model: `y = x · W`, its weights long enough to be worth reading in parts.

use bytes::Bytes;
use fastrand::Rng;

/// Rows and columns of `W`: 2048 × 1040 floats, 8.1 MiB.
const ROWS: u64 = 2_048;
const COLUMNS: u64 = 1_040;
/// Floats drawn at random; each further block repeats them one step rotated, so that no two blocks are alike.
const BLOCK: usize = 32 * 1_024;

const FLOAT: u64 = 1;
/// `ir_version` 8 and operator set 13 are read by every ONNX runtime since 2022.
const IR_VERSION: u64 = 8;
const OPSET: u64 = 13;

/// A protobuf message under construction (protobuf encoding guide): varints and length-delimited fields are all it takes.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7F) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: Self) -> Self {
        self.bytes(field, &value.0)
    }
}

/// The model's file. The same seed gives the same bytes.
pub(crate) fn model(seed: u64) -> Bytes {
    // Field numbers: onnx.proto, messages ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto.
    let weights =
        Message::default().number(1, ROWS).number(1, COLUMNS).number(2, FLOAT).text(8, "W").bytes(9, &weights(seed));
    let node = Message::default().text(1, "x").text(1, "W").text(2, "y").text(3, "project").text(4, "MatMul");
    let graph = Message::default()
        .message(1, node)
        .text(2, "projection")
        .message(5, weights)
        .message(11, tensor("x", 1, ROWS))
        .message(12, tensor("y", 1, COLUMNS));
    let opset = Message::default().text(1, "").number(2, OPSET);
    let model =
        Message::default().number(1, IR_VERSION).text(2, "cube-sdk-testkit").message(7, graph).message(8, opset);
    model.0.into()
}

/// `ValueInfoProto`: a name and the type `float[rows, columns]`.
fn tensor(name: &str, rows: u64, columns: u64) -> Message {
    let dimension = |size| Message::default().number(1, size);
    let shape = Message::default().message(1, dimension(rows)).message(1, dimension(columns));
    let kind = Message::default().number(1, FLOAT).message(2, shape);
    Message::default().text(1, name).message(2, Message::default().message(1, kind))
}

fn weights(seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let block: Vec<u8> = (0..BLOCK).flat_map(|_| (rng.f32() - 0.5).to_le_bytes()).collect();
    let wanted = (ROWS * COLUMNS * 4) as usize;
    let mut out = Vec::with_capacity(wanted + block.len());
    let mut turn = 0;
    while out.len() < wanted {
        let (head, tail) = block.split_at((turn * 4) % block.len());
        out.extend_from_slice(tail);
        out.extend_from_slice(head);
        turn += 1;
    }
    out.truncate(wanted);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_enough_and_repeatable() {
        let one = model(1);
        assert!(one.len() >= 8 << 20, "{}", one.len());
        assert_eq!(one, model(1));
        assert_ne!(one, model(2));
        // ir_version is field 1, a varint; the producer follows.
        assert_eq!(&one[..4], &[0x08, 0x08, 0x12, 16]);
    }

    #[test]
    fn varints() {
        let mut message = Message::default();
        message.varint(300);
        message.varint(0);
        assert_eq!(message.0, [0xAC, 0x02, 0x00]);
    }
}
