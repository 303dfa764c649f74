package dev.ikat.cni;

/** What benchmarks measure of this package that nobody else has to call. Not shipped. */
public final class CniMessages {
    private CniMessages() {}

    /** A network configuration, read and validated as for each request. */
    public static NetworkConfig read(byte[] json) {
        Json document = Json.parseObject(json);
        return NetworkConfigReader.read(document, NetworkConfigReader.version(document));
    }

    /** A result, written as for each ADD. */
    public static byte[] write(CniVersion version, CniResult result) {
        return CniWriter.result(version, result);
    }
}
