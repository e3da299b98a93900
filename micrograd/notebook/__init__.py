"""HTML and SVG for notebooks: plain facts -> elements that stand in dark and light pages.

Nothing here knows of Values or kernels: whoever is shown says what there is to show. What is made
is well-formed XML of a bounded size. Text and lines have the colour of the page around them.
"""
