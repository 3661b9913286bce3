//! Help, versions and wrong command lines, word by word.

#[test]
fn usage() {
    trycmd::TestCases::new().case("tests/cmd/*.toml").case("tests/cmd/*.trycmd");
}
