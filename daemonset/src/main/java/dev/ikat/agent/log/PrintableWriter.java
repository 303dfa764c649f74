package dev.ikat.agent.log;

import java.io.FilterWriter;
import java.io.IOException;
import java.io.Writer;

/** Passes on lines of visible characters, as {@link Printable} defines them, and escapes all others. */
public final class PrintableWriter extends FilterWriter {
    public PrintableWriter(Writer terminal) {
        super(terminal);
    }

    @Override
    public void write(int unit) throws IOException {
        char character = (char) unit;
        // The two halves of one beyond U+FFFF come one at a time.
        if (character == '\n'
                || character == '\t'
                || Character.isSurrogate(character)
                || Printable.isVisible(character)) {
            out.write(unit);
        } else {
            out.write(Printable.escaped(character));
        }
    }

    @Override
    public void write(char[] text, int offset, int length) throws IOException {
        for (int i = offset; i < offset + length; i++) {
            write(text[i]);
        }
    }

    @Override
    public void write(String text, int offset, int length) throws IOException {
        write(text.toCharArray(), offset, length);
    }
}
