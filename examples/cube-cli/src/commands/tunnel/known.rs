//! What an app speaks, guessed by its name, and how a program connects to it.

use std::net::SocketAddr;

/// Words of a name, the scheme, and variables that its programs read for host and port.
const KNOWN: [(&[&str], &str, &[&str], &[&str]); 9] = [
    (&["postgres", "postgresql", "pg", "timescale", "timescaledb"], "postgresql", &["PGHOST"], &["PGPORT"]),
    (&["redis", "valkey"], "redis", &[], &[]),
    (&["mqtt", "mosquitto", "emqx"], "mqtt", &[], &[]),
    (&["mysql", "mariadb"], "mysql", &["MYSQL_HOST"], &["MYSQL_TCP_PORT"]),
    (&["mongo", "mongodb"], "mongodb", &[], &[]),
    (&["amqp", "rabbitmq"], "amqp", &[], &[]),
    (&["nats"], "nats", &[], &[]),
    (&["ssh"], "ssh", &[], &[]),
    (&["http", "web", "grafana", "prometheus", "api", "ui", "dashboard"], "http", &[], &[]),
];

fn of(
    app: &str,
) -> Option<&'static (&'static [&'static str], &'static str, &'static [&'static str], &'static [&'static str])> {
    let words =
        |name: &&str| app.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case(name));
    KNOWN.iter().find(|known| known.0.iter().any(|name| words(name)))
}

/// What a program connects to.
pub(super) fn url(app: &str, address: SocketAddr) -> Option<String> {
    of(app).map(|known| format!("{}://{address}", known.1))
}

/// Variables for a command that goes through the tunnel.
pub(super) fn variables(app: &str, address: SocketAddr) -> Vec<(&'static str, String)> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut found = vec![
        ("CUBE_TUNNEL_ADDRESS", address.to_string()),
        ("CUBE_TUNNEL_HOST", host.clone()),
        ("CUBE_TUNNEL_PORT", port.clone()),
    ];
    found.extend(url(app, address).map(|url| ("CUBE_TUNNEL_URL", url)));
    if let Some(known) = of(app) {
        found.extend(known.2.iter().map(|name| (*name, host.clone())));
        found.extend(known.3.iter().map(|name| (*name, port.clone())));
    }
    found
}

/// How to try it out, in one line.
pub(super) fn hint(app: &str, address: SocketAddr) -> Option<String> {
    let (host, port) = (address.ip(), address.port());
    Some(match of(app)?.1 {
        "postgresql" => format!("psql -h {host} -p {port}"),
        "redis" => format!("redis-cli -h {host} -p {port}"),
        "mqtt" => format!("mosquitto_sub -h {host} -p {port} -t '#'"),
        "mysql" => format!("mysql -h {host} -P {port}"),
        "mongodb" => format!("mongosh mongodb://{address}"),
        "ssh" => format!("ssh -p {port} {host}"),
        "http" => format!("curl http://{address}/"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_an_app_speaks() {
        let address = SocketAddr::from(([127, 0, 0, 1], 5432));
        for (app, wanted) in [
            ("postgres-cube7", Some("postgresql://127.0.0.1:5432")),
            ("acme-redis", Some("redis://127.0.0.1:5432")),
            ("mosquitto", Some("mqtt://127.0.0.1:5432")),
            ("grafana-7", Some("http://127.0.0.1:5432")),
            ("echo", None),
            ("capital", None),
        ] {
            assert_eq!(url(app, address).as_deref(), wanted, "{app}");
        }
        let found = variables("postgres-cube7", address);
        assert!(found.contains(&("PGPORT", "5432".to_owned())) && found.contains(&("PGHOST", "127.0.0.1".to_owned())));
        assert!(hint("echo", address).is_none());
    }
}
