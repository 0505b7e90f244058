# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mox_global_optspecs
    string join \n config= json color= h/help V/version
end

function __fish_mox_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mox_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mox_using_subcommand
    set -l cmd (__fish_mox_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mox -n "__fish_mox_needs_command" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_needs_command" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_needs_command" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_needs_command" -s V -l version -d 'Print version'
complete -c mox -n "__fish_mox_needs_command" -f -a "serve" -d 'Run the server in the foreground'
complete -c mox -n "__fish_mox_needs_command" -f -a "localserve" -d 'Run a whole mail server on loopback, for trying and testing'
complete -c mox -n "__fish_mox_needs_command" -f -a "quickstart" -d 'Make a mail server for a domain: configuration, account, passwords, keys'
complete -c mox -n "__fish_mox_needs_command" -f -a "status" -d 'Show what the running server serves'
complete -c mox -n "__fish_mox_needs_command" -f -a "stop" -d 'Stop the running server'
complete -c mox -n "__fish_mox_needs_command" -f -a "loglevels" -d 'Show or set what the running server logs'
complete -c mox -n "__fish_mox_needs_command" -f -a "version" -d 'Print the version of this program'
complete -c mox -n "__fish_mox_needs_command" -f -a "config" -d 'Read and change the configuration'
complete -c mox -n "__fish_mox_needs_command" -f -a "sessions" -d 'See who is logged in, and end sessions'
complete -c mox -n "__fish_mox_needs_command" -f -a "explain" -d 'Tell what the server would answer, and which line of mox.toml decides it'
complete -c mox -n "__fish_mox_needs_command" -f -a "setaccountpassword" -d 'Set the password of an account'
complete -c mox -n "__fish_mox_needs_command" -f -a "setadminpassword" -d 'Set the password of the admin pages'
complete -c mox -n "__fish_mox_needs_command" -f -a "sendmail" -d 'Hand a message in, as programs do that call sendmail'
complete -c mox -n "__fish_mox_needs_command" -f -a "completions" -d 'Print what makes a shell complete mox commands, with the names of domains, accounts and addresses'
complete -c mox -n "__fish_mox_using_subcommand serve" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand serve" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand serve" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand localserve" -l dir -d 'Folder of the server (by default mox-localserve in $XDG_CONFIG_HOME, or in ~/.config)' -r -f -a "(__fish_complete_directories)"
complete -c mox -n "__fish_mox_using_subcommand localserve" -l ip -d 'The one address to listen on, on the first run (by default 127.0.0.1 and ::1)' -r
complete -c mox -n "__fish_mox_using_subcommand localserve" -l port-offset -d 'Added to the well-known ports, on the first run' -r
complete -c mox -n "__fish_mox_using_subcommand localserve" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand localserve" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand localserve" -l init-only -d 'Only write the files'
complete -c mox -n "__fish_mox_using_subcommand localserve" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand localserve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l hostname -d 'The mail server\'s name (by default this machine\'s, or mail. and the domain)' -r
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l dir -d 'A folder for all of it, DIR/config, DIR/data and DIR/mox.service' -r -f -a "(__fish_complete_directories)"
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l ip -d 'A public address to listen on; may be given again (by default those of this machine)' -r
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l resolver -d 'A DNS server to ask; may be given again (by default the system\'s)' -r
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l cert -d 'PEM file of the certificate' -r -F
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l key -d 'PEM file of its key' -r -F
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l certbot -d 'Certbot\'s folder' -r -f -a "(__fish_complete_directories)"
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l skip-dial -d 'Do not try to reach another mail server'
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l existing-webserver -d 'Leave the ports 80 and 443 to another program'
complete -c mox -n "__fish_mox_using_subcommand quickstart" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand quickstart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand status" -l wait -d 'Wait so long for a server that is starting, such as 500ms or 10s' -r
complete -c mox -n "__fish_mox_using_subcommand status" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand status" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand status" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand stop" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand stop" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand stop" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand loglevels" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand loglevels" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand loglevels" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand loglevels" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand version" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand version" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand version" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "test" -d 'Read and validate the configuration file'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "show" -d 'Print what holds: the configuration with all defaults filled in'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "describe" -d 'Print the reference of the configuration file: every key with what it means'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "describe-sendmail" -d 'Print the reference of sendmail.toml, the file of `mox sendmail`'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "schema" -d 'Print the JSON Schema of the configuration file, for editors'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "reload" -d 'Load the configuration file now'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "apply" -d 'Make domains, accounts, addresses and aliases as a file has them'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "diff" -d 'Show what differs between generations of the configuration'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "history" -d 'List the generations of the configuration, the newest first'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "rollback" -d 'Make the configuration what it was in an earlier generation'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "dnsrecords" -d 'Print the DNS records that a domain needs'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "dnscheck" -d 'Check whether a domain\'s DNS records are there and right'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "printservice" -d 'Print the systemd unit of the server'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "domain" -d 'Manage the domains that are hosted here'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "account" -d 'Manage accounts'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "address" -d 'Manage the addresses of accounts'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "tlspubkey" -d 'Manage TLS public keys, which log in instead of a password'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "alias" -d 'Manage aliases: addresses with several members'
complete -c mox -n "__fish_mox_using_subcommand config; and not __fish_seen_subcommand_from test show describe describe-sendmail schema reload apply diff history rollback dnsrecords dnscheck printservice domain account address tlspubkey alias dkim" -f -a "dkim" -d 'Manage the DKIM keys of a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from test" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from test" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from test" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe-sendmail" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe-sendmail" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe-sendmail" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from describe-sendmail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from schema" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from reload" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from reload" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from reload" -l dry-run -d 'Print the diff of mox.toml that it would make, and change nothing'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from reload" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l prune -d 'Remove what the file does not name: domains and accounts if it has the table for them, with all mail of the accounts; addresses and aliases of those that it names. On a terminal it asks'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l yes -d 'Do not ask'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l dry-run -d 'Print the diff of mox.toml that it would make, and change nothing'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from diff" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from diff" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from diff" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from history" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from history" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from history" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -l yes -d 'Do not ask'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -l dry-run -d 'Print the diff of mox.toml that it would make, and change nothing'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnsrecords" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnsrecords" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnsrecords" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnsrecords" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnscheck" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnscheck" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnscheck" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dnscheck" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from printservice" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from printservice" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from printservice" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from printservice" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "list" -d 'List the domains'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "show" -d 'Show a domain with the addresses at it'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "add" -d 'Host another domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "set" -d 'Set a plain key of a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "rm" -d 'Stop hosting a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "disable" -d 'Refuse mail that involves a domain for now'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from domain" -f -a "enable" -d 'Take mail that involves a domain again'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "list" -d 'List the accounts'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "show" -d 'Show an account'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "addresses" -d 'List the addresses of an account, one a line'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "add" -d 'Add an account with its first address'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "set" -d 'Set a plain key of an account'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "rm" -d 'Remove an account with all of its mail'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "disable" -d 'Stop the logins of an account'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from account" -f -a "enable" -d 'Allow the logins of an account again'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -f -a "list" -d 'List the addresses of all accounts'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -f -a "account" -d 'Print the account that an address belongs to'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -f -a "add" -d 'Give an account another address'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from address" -f -a "rm" -d 'Take an address from its account'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "list" -d 'List the TLS public keys of all accounts, or of one'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "get" -d 'Show a TLS public key and its certificate'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "add" -d 'Let the key of a certificate log in'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "update" -d 'Change what a TLS public key is called, or how IMAP greets it'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "rm" -d 'Take a TLS public key away'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from tlspubkey" -f -a "gen" -d 'Make a key and a certificate that log in without a password'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "list" -d 'List the aliases of a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "print" -d 'Print the settings and members of an alias'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "add" -d 'Add an alias: mail to it goes to all of its members'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "update" -d 'Change the settings of an alias; what is not named stays'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "rm" -d 'Remove an alias'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "addaddr" -d 'Give an alias more members'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from alias" -f -a "rmaddr" -d 'Take members from an alias'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -f -a "list" -d 'List the DKIM keys of a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -f -a "add" -d 'Make another DKIM key for a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -f -a "rm" -d 'Remove a DKIM key from a domain'
complete -c mox -n "__fish_mox_using_subcommand config; and __fish_seen_subcommand_from dkim" -f -a "sign" -d 'Set which DKIM keys sign the mail of a domain'
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -f -a "list" -d 'List the sessions in which somebody is logged in'
complete -c mox -n "__fish_mox_using_subcommand sessions; and not __fish_seen_subcommand_from list kick" -f -a "kick" -d 'End sessions at once'
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from list" -l account -d 'Only those of this account' -r
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from list" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from list" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from list" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -l account -d 'All sessions of this account; none is fine' -r
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -l id -d 'The session of this id, as `mox sessions list` shows it' -r
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand sessions; and __fish_seen_subcommand_from kick" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -f -a "rcpt" -d 'Tell what another server is answered that has mail for an address'
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -f -a "sender" -d 'Tell whether an account may send mail from an address'
complete -c mox -n "__fish_mox_using_subcommand explain; and not __fish_seen_subcommand_from rcpt sender login" -f -a "login" -d 'Tell what a login with an address and the right password is answered'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from rcpt" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from rcpt" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from rcpt" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from rcpt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from sender" -l account -d 'Who sends; by default the account whose address it is, or the first member of an alias' -r
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from sender" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from sender" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from sender" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from sender" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from login" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from login" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from login" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand explain; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand setaccountpassword" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand setaccountpassword" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand setaccountpassword" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand setaccountpassword" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand setadminpassword" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand setadminpassword" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand setadminpassword" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand setadminpassword" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mox -n "__fish_mox_using_subcommand sendmail" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand sendmail" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand sendmail" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand completions" -l config -d 'The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml' -r -F
complete -c mox -n "__fish_mox_using_subcommand completions" -l color -d 'When to use colours (NO_COLOR turns them off)' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mox -n "__fish_mox_using_subcommand completions" -l json -d 'Print results and errors as JSON'
complete -c mox -n "__fish_mox_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
