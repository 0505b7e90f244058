//! `mox quickstart`

mod certificate;
mod preflight;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use mox::addr::{AccountName, Address, Domain};
use mox::admin::{self, Secret};
use mox::clock;
use mox::config::{self, Unchecked, generate};
use mox::dns::Resolver;
use mox::zone::{self, DomainDns};
use mox_daemon::privileges;
use serde_json::json;

use super::Run;
use crate::error::Error;

/// Make a mail server for a domain: configuration, account, passwords, keys
///
/// Run it as root on the machine that is to serve. It writes /etc/mox/mox.toml with keys beside it,
/// /var/lib/mox, and /etc/mox/mox.service, a systemd unit to install; with --dir all of it in one folder.
/// It prints the passwords once, the DNS records to set, and what comes next. Nothing is ever written
/// over, and after a failure nothing is left. The certificate is that of --cert and --key, or one of
/// certbot's that the user can read, or else self-signed, to be replaced. DNS and the network are looked
/// at as well; what is not as it should be is told and stops nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  useradd --system --home-dir /var/lib/mox --shell /usr/sbin/nologin mox
  mox quickstart alice@example.org
  mox quickstart --hostname mx1.example.org --ip 192.0.2.1 alice@example.org")]
pub(crate) struct Args {
    /// The mail server's name (by default this machine's, or mail. and the domain)
    #[arg(long, value_name = "HOST")]
    hostname: Option<Domain>,

    /// Do not try to reach another mail server
    #[arg(long)]
    skip_dial: bool,

    /// Leave the ports 80 and 443 to another program
    #[arg(long)]
    existing_webserver: bool,

    /// A folder for all of it, DIR/config, DIR/data and DIR/mox.service
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,

    /// A public address to listen on; may be given again (by default those of this machine)
    #[arg(long, value_name = "IP")]
    ip: Vec<IpAddr>,

    /// A DNS server to ask; may be given again (by default the system's)
    #[arg(long, value_name = "ADDRESS:PORT")]
    resolver: Vec<SocketAddr>,

    /// PEM file of the certificate
    #[arg(long, value_name = "FILE", requires = "key", value_hint = clap::ValueHint::FilePath)]
    cert: Option<PathBuf>,

    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = clap::ValueHint::FilePath)]
    key: Option<PathBuf>,

    /// Certbot's folder
    #[arg(long, value_name = "DIR", default_value = "/etc/letsencrypt",
        value_hint = clap::ValueHint::DirPath)]
    certbot: PathBuf,

    /// The first address; its account is named as the part before the @
    #[arg(value_name = "ADDRESS")]
    address: Address,

    /// Unix user that the server runs as
    #[arg(value_name = "USER", default_value = "mox")]
    user: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Failed {
            message: "quickstart has to be run as root".to_owned(),
            hint: "`mox localserve` needs no privileges".to_owned(),
        });
    }
    let Some((user, uid, gid)) = privileges::find_user(&args.user) else {
        return Err(Error::Failed {
            message: format!("there is no unix user {:?}", args.user),
            hint: format!(
                "useradd --system --home-dir /var/lib/mox --shell /usr/sbin/nologin {}",
                args.user
            ),
        });
    };
    let domain = args.address.domain.clone();
    let account = AccountName::parse(args.address.localpart.as_str())
        .map_err(|e| Error::Usage(format!("{e}: use another address first")))?;
    let hostname = args.hostname.clone().unwrap_or_else(|| own_name(&domain));
    let (folder, data_dir, service) = match &args.dir {
        Some(dir) => {
            let dir = std::path::absolute(dir).map_err(Error::io("find --dir"))?;
            (
                dir.join("config"),
                dir.join("data"),
                dir.join("mox.service"),
            )
        }
        None => (
            PathBuf::from("/etc/mox"),
            PathBuf::from("/var/lib/mox"),
            PathBuf::from("/etc/mox/mox.service"),
        ),
    };
    let file = folder.join("mox.toml");
    let mut warnings = Vec::new();
    let ips = addresses(&args.ip, &mut warnings);
    // The folders themselves are given to the user.
    for path in [&folder, &data_dir] {
        if let Some(place) = privileges::keeps_from_entering(&user, path) {
            return Err(Error::Failed {
                message: format!("user {user} cannot enter {}", place.display()),
                hint: "the server runs as that user: change its owner, group or mode, or use \
                       another --dir"
                    .to_owned(),
            });
        }
    }
    let pair = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(certificate::given(cert, key, &user)?),
        _ => certificate::of_certbot(&args.certbot, &hostname, &user).unwrap_or_else(|warning| {
            warnings.push(warning);
            None
        }),
    };
    let resolver = Resolver::with_timeout(&args.resolver, false, preflight::QUESTION)?;
    let looked = preflight::network(&resolver, hostname.ascii(), &ips, !args.skip_dial);
    warnings.extend(super::asking_dns(looked)?);
    warnings.extend(preflight::ports(&ips));

    let (password, admin_password) = (new_password()?, new_password()?);
    let year = clock::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let settings = generate::Quickstart {
        hostname: hostname.clone(),
        user: user.clone(),
        data_dir: data_dir.to_string_lossy().into_owned(),
        ips: ips.clone(),
        resolver: args.resolver.iter().map(ToString::to_string).collect(),
        address: args.address.clone(),
        account: account.clone(),
        cert_file: pair
            .as_ref()
            .map_or("host.crt.pem".to_owned(), |(cert, _)| shown(cert)),
        key_file: pair
            .as_ref()
            .map_or("host.key.pem".to_owned(), |(_, key)| shown(key)),
        dkim: ['a', 'b']
            .map(|letter| {
                let selector = format!("{year}{letter}");
                let file = format!("dkim/{selector}.{}.pem", domain.ascii());
                (selector, file)
            })
            .into(),
        existing_webserver: args.existing_webserver,
    };
    let unit = generate::Service {
        program: std::env::current_exe().map_err(Error::io("find this program"))?,
        config: file.clone(),
        data_dir: data_dir.clone(),
        user: user.clone(),
    };
    admin::init_quickstart(&admin::Quickstart {
        config: file.clone(),
        data_dir: data_dir.clone(),
        service: service.clone(),
        service_text: unit.text(),
        settings,
        self_signed: pair.is_none(),
        owner: Some((uid, gid)),
        password: Secret(password.clone()),
        admin_password: Secret(admin_password.clone()),
    })?;

    let loaded = config::load(&file, &Unchecked).map_err(admin::AdminError::from)?;
    let facts = match loaded.config.domains.get(&domain) {
        Some(settings) => DomainDns::gather(&loaded.config, &domain, settings),
        None => return Err(Error::failed("the domain is not in the file that was made")),
    };
    let value = json!({
        "config_file": file,
        "data_dir": data_dir,
        "service_file": service,
        "hostname": hostname.to_string(),
        "address": args.address.to_string(),
        "account": account.to_string(),
        "password": password,
        "admin_password": admin_password,
        "user": user,
        "self_signed": pair.is_none(),
        "warnings": warnings,
        "records": zone::records(&facts),
    });
    if !run.ui.json() {
        for warning in &warnings {
            run.ui.note(warning);
        }
    }
    let text = format!(
        "Made {config}, {data} and {unit}.

account         {account}, address {address}
password        {password}
admin password  {admin_password}

They are shown only now; `mox setaccountpassword {account}` sets another.

Set these records in DNS:

{zone}
Next:
- Install and start: cp {unit} /etc/systemd/system/mox.service && systemctl daemon-reload && \
systemctl enable --now mox
- Open the ports 25, 465 and 993 in the firewall.
- When the records are set: mox --config {config} config dnscheck {domain}
{tls}",
        config = file.display(),
        data = data_dir.display(),
        unit = service.display(),
        address = args.address,
        zone = zone::zone_text(&facts),
        tls = match pair {
            Some(_) => String::new(),
            None => format!(
                "- The certificate is self-signed, and mail programs warn of it. Get one for \
                 {hostname}, and name its files in {}: they are taken up without a restart, and \
                 again when they are renewed.\n",
                file.display()
            ),
        },
    );
    run.ui.result(&text, &value)
}

/// This machine's name if it is a full one.
fn own_name(domain: &Domain) -> Domain {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let full = name.contains('.').then(|| Domain::parse(&name).ok());
    let below = || Domain::parse(&format!("mail.{}", domain.ascii())).ok();
    full.flatten()
        .or_else(below)
        .unwrap_or_else(|| domain.clone())
}

/// Addresses to listen on: those given, the public ones of this machine, or else all.
fn addresses(given: &[IpAddr], warnings: &mut Vec<String>) -> Vec<IpAddr> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let mut public = zone::local_addresses();
    public.retain(|ip| zone::is_public(*ip));
    if public.is_empty() {
        warnings.push(
            "this machine has no public address: it listens on all of its addresses, and the ports \
             25, 465 and 993 of the public one have to lead here"
                .to_owned(),
        );
        public.push(IpAddr::from([0, 0, 0, 0]));
    }
    public
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// 100 bits, without letters that look alike.
fn new_password() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 20];
    getrandom::fill(&mut random).map_err(|e| Error::failed(format!("get random bytes: {e}")))?;
    let letters = random.iter().map(|byte| LETTERS[usize::from(byte % 32)]);
    Ok(letters.map(char::from).collect())
}
