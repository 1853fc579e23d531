//! One get of the trait: a HEAD for what it wants to know, then a pinned read.

use std::time::SystemTime;

use ::object_store::path::Path;
use ::object_store::{Attribute, Attributes, Error, GetOptions, GetResult, GetResultPayload, ObjectMeta, Result};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::fault::{fault, refused};
use crate::inspect::ObjectInfo;
use crate::s3_uri::S3Uri;
use crate::session::Session;

pub(super) fn uri(session: &Session, location: &Path) -> Result<S3Uri> {
    let key = location.as_ref().parse().map_err(|error| fault(location, error))?;
    Ok(S3Uri::new(session.bucket().clone(), key))
}

pub(super) async fn get(session: &Session, location: &Path, options: GetOptions) -> Result<GetResult> {
    if options.version.is_some() {
        return Err(Error::NotSupported { source: "the session reads an object's newest version".into() });
    }
    let uri = uri(session, location)?;
    let info = session.inspect(&uri).await.map_err(|error| fault(location, error))?;
    let meta = meta(location, &info);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => range.as_range(info.size).map_err(refused)?,
        None => 0..info.size,
    };
    let payload = if options.head || range.is_empty() {
        stream::empty().boxed()
    } else {
        let open = session.open(uri).range(range.clone()).expect_size(info.size).if_match(&info.etag);
        let reader = open.await.map_err(|error| fault(location, error))?;
        let location = location.clone();
        reader.map_err(move |error| fault(&location, error)).boxed()
    };
    let attributes = info.content_type.map(|kind| (Attribute::ContentType, kind)).into_iter().collect::<Attributes>();
    let payload = GetResultPayload::Stream(payload);
    Ok(GetResult { payload, meta, range, attributes, extensions: Default::default() })
}

fn meta(location: &Path, info: &ObjectInfo) -> ObjectMeta {
    ObjectMeta {
        location: location.clone(),
        // Servers other than AWS may leave it out; no condition then holds by it.
        last_modified: info.last_modified.map_or(SystemTime::UNIX_EPOCH, SystemTime::from).into(),
        size: info.size,
        e_tag: Some(info.etag.clone()).filter(|etag| !etag.is_empty()),
        // Whoever is told a version may ask for it, and the role reads none but the newest.
        version: None,
    }
}
