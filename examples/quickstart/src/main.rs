//! Plays the BYO storage flow from grant to reconciled audit
fn main() {}
