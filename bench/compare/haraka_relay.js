// Makes Haraka a relay that enforces TLS: a plugin, which haraka.py copies into its configuration.
// HARAKA_NEXT_HOP is the port of 127.0.0.1 that all mail goes to.
'use strict'

const tls = require('node:tls')

exports.register = function () {
    this.register_hook('init_master', 'share_tls_context')
    this.register_hook('init_child', 'share_tls_context')
}

// Haraka makes a TLS context anew for each session: it parses certificate and key each time, and
// sessions cannot be resumed, as each context has ticket keys of its own. With one for all, a full
// handshake costs less, and sessions are resumed.
exports.share_tls_context = function (next) {
    const { certsByHost } = this.haraka_require('tls_socket')
    const options = certsByHost['*']
    certsByHost.set(['*', 'secureContext'], tls.createSecureContext(options))
    next()
}

// Nobody's name is looked up; Haraka asks DNS for each client otherwise.
exports.hook_lookup_rdns = function (next) {
    next(OK, 'client.test')
}

exports.hook_connect = function (next, connection) {
    // The kernel keeps replies back otherwise, until the client has acknowledged TLS 1.3's tickets.
    connection.client.targetsocket?.setNoDelay(true)
    connection.relaying = true
    next()
}

exports.hook_mail = function (next, connection) {
    if (!connection.tls.enabled) return next(DENY, 'Must issue a STARTTLS command first')
    next()
}

exports.hook_get_mx = function (next) {
    next(OK, {
        priority: 0,
        exchange: '127.0.0.1',
        port: Number(process.env.HARAKA_NEXT_HOP),
        from_dns: 'localhost', // the name in SNI, and the one in the certificate
    })
}
