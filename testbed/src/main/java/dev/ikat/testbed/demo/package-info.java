/** The demonstrations: two nodes and four pods, with and without policies; and two racks of nodes that speak BGP. */
@NullMarked
package dev.ikat.testbed.demo;

import org.jspecify.annotations.NullMarked;
