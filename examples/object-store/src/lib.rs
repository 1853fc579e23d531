//! Other people's readers over a customer's bucket, by a session as an `object_store::ObjectStore`: each reads a small
//! part of a large object, and every request of theirs has its audit row.

pub mod column;
pub mod customer;
pub mod file;
pub mod tensor;
