//! Chart.yaml: read as helm does, and edited so that the new versions are read back and all else is as before.
//!
//! The first byte picks the version, the second the app version.

use super::input::{Input, check_words};
use crate::ErrorKind;
use crate::publish::{Bump, ChartVersion, Metadata, edited};

const VERSIONS: [&str; 5] = ["2.0.0", "1.2.3-rc.1+b.7", "10.20.30", "0.0.1", "v1.2"];
const APPS: [Option<&str>; 8] =
    [None, Some("7"), Some("1.10"), Some("it's"), Some("a: b #c"), Some("true"), Some(""), Some("\u{85}\t")];

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let version = VERSIONS[input.below(VERSIONS.len())];
    let app = APPS[input.below(APPS.len())];
    let Ok(version) = ChartVersion::parse(version) else { panic!("{version} is a version") };
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let before = Metadata::read(text, "Chart.yaml");
    if let Err(error) = &before {
        check_words(error);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let new = match edited(text, &version, app) {
        Ok(new) => new,
        Err(error) => {
            check_words(&error);
            return assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    };
    match edited(&new, &version, app) {
        Ok(again) => assert_eq!(again, new, "what is there already is left alone"),
        Err(error) => panic!("{text:?} became {new:?}: {error}"),
    }
    let Ok(before) = before else { return };
    let after = Metadata::read(&new, "Chart.yaml").unwrap_or_else(|error| panic!("{text:?} became {new:?}: {error}"));
    assert_eq!((after.name, &after.version, after.dependencies), (before.name, &version, before.dependencies));
    let app = app.map(str::to_owned).or(before.app_version);
    assert_eq!(after.app_version.unwrap_or_default(), app.unwrap_or_default(), "{new:?}");
    for bump in [Bump::Patch, Bump::Minor, Bump::Major] {
        if let Ok(bumped) = after.version.bumped(bump) {
            assert!(ChartVersion::parse(bumped.as_str()).is_ok() && !bumped.tag().contains('+'));
        }
    }
}
