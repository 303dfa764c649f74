package dev.ikat.kubernetes;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import dev.ikat.testbed.host.ProcessRunner;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

/** A key and the certificate, signed by itself, of somebody at 127.0.0.1; made by the JDK's keytool. */
final class TlsIdentity {
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final String ALIAS = "it";

    private final KeyStore store;

    private TlsIdentity(KeyStore store) {
        this.store = store;
    }

    static TlsIdentity make(Path directory, String name) throws IOException, GeneralSecurityException {
        Path file = directory.resolve(name + ".p12");
        ProcessRunner.of(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        ALIAS,
                        "-keyalg",
                        "RSA",
                        "-keysize",
                        "2048",
                        "-dname",
                        "CN=" + name,
                        "-ext",
                        "san=ip:127.0.0.1",
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        file.toString(),
                        "-storepass",
                        new String(PASSWORD))
                .run()
                .orThrow();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD);
        }
        return new TlsIdentity(store);
    }

    /** The certificate, which is its own authority. */
    String certificate() throws GeneralSecurityException {
        return pem("CERTIFICATE", store.getCertificate(ALIAS).getEncoded());
    }

    String key() throws GeneralSecurityException {
        return pem("PRIVATE KEY", store.getKey(ALIAS, PASSWORD).getEncoded());
    }

    private static String pem(String what, byte[] content) {
        String lines = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(content);
        return "-----BEGIN " + what + "-----\n" + lines + "\n-----END " + what + "-----\n";
    }

    /** For a server that is this one, and lets everybody in. */
    HttpsConfigurator server() throws GeneralSecurityException {
        return new HttpsConfigurator(context(this));
    }

    /** For a server that is this one, and lets only the client in. */
    HttpsConfigurator serverFor(TlsIdentity client) throws GeneralSecurityException {
        return new HttpsConfigurator(context(client)) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters defaults = getSSLContext().getDefaultSSLParameters();
                defaults.setNeedClientAuth(true);
                // With 1.3 a client learns only with the first answer that it was refused.
                defaults.setProtocols(new String[] {"TLSv1.2"});
                parameters.setSSLParameters(defaults);
            }
        };
    }

    private SSLContext context(TlsIdentity trusted) throws GeneralSecurityException {
        try {
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, PASSWORD);
            KeyStore authorities = KeyStore.getInstance("PKCS12");
            authorities.load(null, null);
            authorities.setCertificateEntry("client", trusted.store.getCertificate(ALIAS));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(authorities);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
            return context;
        } catch (IOException e) {
            throw new IllegalStateException("an empty key store is read from nothing", e);
        }
    }
}
