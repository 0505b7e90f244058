//! Who may issue the certificate: advised where it is known, and checked.

use super::*;

/// A certificate as if this organisation had issued it.
fn issued_by(world: &World, organisation: &str) {
    let key = rcgen::KeyPair::generate().expect("made");
    let names = vec!["mail.example.org".to_owned()];
    let mut params = rcgen::CertificateParams::new(names).expect("made");
    let name = &mut params.distinguished_name;
    name.push(rcgen::DnType::OrganizationName, organisation);
    let cert = params.self_signed(&key).expect("made");
    let write = |name: &str, text: String| {
        std::fs::write(world.folder.path().join(name), text).expect("written");
    };
    write("host.crt.pem", cert.pem());
    write("host.key.pem", key.serialize_pem());
}

#[test]
fn the_authority_of_the_certificate_may_issue_the_next() {
    let world = World::new();
    let text = zone_text(&world.facts("example.org"));
    assert!(!text.contains("CAA"), "{text}");
    issued_by(&world, "Nobody Knows");
    assert!(!zone_text(&world.facts("example.org")).contains("CAA"));
    issued_by(&world, "Let's Encrypt");
    let text = zone_text(&world.facts("example.org"));
    let line = "\n; mail.example.org. 3600 IN CAA 0 issue \"letsencrypt.org\"\n";
    assert!(text.contains(line), "{text}");

    let world = World::right();
    issued_by(&world, "Let's Encrypt");
    // The TLSA record is of another key.
    world.server.remove("_25._tcp.mail.example.org", "TLSA");
    let says = |name: &str, values: &[&str]| {
        world.server.set(name, "CAA", values);
        let all = world.check();
        let caa = all.iter().find(|check| check.check == "caa");
        let caa = caa.expect("looked at");
        (caa.status, caa.advice.clone())
    };
    let (ok, warning) = (Status::Ok, Status::Warning);
    let above = "example.org";
    assert_eq!(says(above, &["0 iodef \"mailto:a@example.org\""]).0, ok);
    assert_eq!(says(above, &["0 issue \"letsencrypt.org; a=b\""]).0, ok);
    let (status, advice) = says(above, &["0 issue \"other.example\""]);
    assert_eq!(status, warning);
    assert!(advice.contains("letsencrypt.org, which issued"), "{advice}");
    assert_eq!(says(above, &["0 issue \";\""]).0, warning);
    // The nearest name counts.
    assert_eq!(
        says("mail.example.org", &["0 issue \"letsencrypt.org\""]).0,
        ok
    );
    issued_by(&world, "Nobody Knows");
    let (status, advice) = says("mail.example.org", &["0 issue \"other.example\""]);
    assert_eq!((status, advice.contains("not compared")), (ok, true));
}
