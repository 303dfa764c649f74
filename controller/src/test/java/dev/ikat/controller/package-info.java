@NullMarked
package dev.ikat.controller;

import org.jspecify.annotations.NullMarked;
